// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace gpujob {

/// The probe's answer as it is kept: of one that is too long for a frame of ours only how the GPUs
/// are, not who uses them (`processes` null, `shortened` true); empty: not even that fits.
std::string shorten_gpu_document(const std::string& document);

} // namespace gpujob
