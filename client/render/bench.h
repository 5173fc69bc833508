// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/bench/timing.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

/// What this machine needs for one matrix multiplication, beside what was published.
namespace gpujob::client {

struct BenchReport {
  std::string torch;  ///< its version; empty: gpujob's own kernel, on the CPU alone
  std::string python; ///< whose PyTorch it is
  std::vector<Measured> measured;
  std::vector<std::string> notes; ///< what could not be asked or measured, and why
};

/// "3.54 s", "139 ms", "40.8 us": three digits.
std::string short_time(double seconds);

/// At most 80 columns, unless the path of Python is longer.
std::string render_bench(const BenchReport& report);

nlohmann::json bench_document(const BenchReport& report);

} // namespace gpujob::client
