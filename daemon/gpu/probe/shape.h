// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace gpujob::gpu {

/// A device of which nothing is known but that it is there: every key, null where nobody has said
/// more. So who reads a reply meets no device with other keys.
nlohmann::json empty_device(const char* vendor, unsigned index);

} // namespace gpujob::gpu
