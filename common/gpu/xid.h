// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace gpujob {

/// What an error that NVIDIA's driver reports (an Xid) means for who runs a job: whose fault it
/// usually is, and what to do. Empty: none of the well-known ones.
std::string_view xid_meaning(std::int64_t xid);

} // namespace gpujob
