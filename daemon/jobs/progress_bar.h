// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Progress bars that programs print, as tqdm and Keras write them.
namespace gpujob::jobs {

struct ProgressBar {
  std::string label;                     ///< what stands before it, as printed
  double done = 0;                       ///< 0 to 1
  std::string rate;                      ///< as printed ("13.9it/s", "71ms/step"); empty: not told
  std::optional<Duration> elapsed, left; ///< as the bar says
};

/// A line that is longer shows no bar: they are made to fit a terminal.
inline constexpr std::size_t k_longest_line = 4096;

/// The bar that one line shows (what stands between two of \r and \n); nullopt: it shows none.
std::optional<ProgressBar> read_progress_bar(std::string_view line);

/// "Epoch 3/10", alone or as the label of a bar.
struct Epoch {
  int number = 0; ///< from 1
  int total = 0;  ///< 0: not told
};
std::optional<Epoch> read_epoch(std::string_view text);

} // namespace gpujob::jobs
