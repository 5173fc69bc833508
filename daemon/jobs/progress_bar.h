// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <map>
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

/// The bar that one line shows (what stands between two of \r and \n); nullopt: it shows none.
std::optional<ProgressBar> read_progress_bar(std::string_view line);

/// "Epoch 3/10", alone or as the label of a bar.
struct Epoch {
  int number = 0; ///< from 1
  int total = 0;  ///< 0: not told
};
std::optional<Epoch> read_epoch(std::string_view text);

/// Follows the output of one attempt, piece by piece, and knows which of its bars is that of the
/// whole run. A bar of one epoch is, when it is told how many there are. One that begins anew is no
/// progress of the job, and is passed over from then on. Of bars within bars the one that takes
/// longest counts.
class ProgressReader {
public:
  /// `piece` goes on where the one before it ended, unless something was left out between them.
  /// The newest reading of it; nullopt: there is none.
  std::optional<ProgressBar> read(std::string_view piece);
  /// What comes next does not follow what came before.
  void skip() { m_rest.clear(); }

private:
  std::optional<ProgressBar> whole(ProgressBar bar) const;
  bool begins_anew(const ProgressBar& bar);

  std::string m_rest; ///< the last line so far: more of it may come
  Epoch m_epoch;      ///< of the newest heading
  struct Known {
    double done = 0;
    bool again = false; ///< it has begun anew
  };
  std::map<std::string, Known> m_known; ///< by what stays the same of the label
};

} // namespace gpujob::jobs
