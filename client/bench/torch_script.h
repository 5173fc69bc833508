// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gpujob::client {

/// For `python -c`, from Python 3.6 on: its last line is what read_torch_answer() reads.
extern const char* const k_torch_script;

} // namespace gpujob::client
