// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/bench/timing.h"
#include "common/result.h"
#include "common/time.h"

#include <string>
#include <string_view>
#include <vector>

/// The matrix multiplication by the PyTorch of a Python on this machine.
namespace gpujob::client {

struct TorchAnswer {
  std::string version;
  std::vector<Measured> measured;  ///< the CPU first
  std::vector<std::string> failed; ///< "GPU: why"; it is not among the measured
};

/// Reads what the script printed: its last line. The error is only a reason.
Result<TorchAnswer> read_torch_answer(std::string_view output);

struct TorchTry {
  bool interrupted = false;
  Result<TorchAnswer> answer; ///< the error is only a reason
};

TorchTry ask_torch(const std::string& python, Duration limit);

/// Programs to ask, in order. `wanted`: a path, or a name on PATH; empty: python3 on PATH, then the
/// system's own, which may have PyTorch where another comes first.
std::vector<std::string> pythons(const std::string& wanted,
                                 const std::vector<std::string>& environment);

} // namespace gpujob::client
