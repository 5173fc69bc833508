// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace gpujob::client {

/// What is multiplied: two square matrices of float32. People compare machines by this size.
constexpr int k_bench_n = 800;
constexpr double k_bench_flop = 2.0 * k_bench_n * k_bench_n * k_bench_n;

struct Timing {
  double best_s = 0;
  double median_s = 0;
  int runs = 0;
};

/// One device of this machine.
struct Measured {
  std::string gpu; ///< its name; empty: the CPU
  int threads = 0; ///< of the CPU
  Timing timing;
  std::optional<double> launch_s; ///< until the call came back, the GPU's work still going on
};

} // namespace gpujob::client
