// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/jobs/progress_bar.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gpujob::jobs {

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
