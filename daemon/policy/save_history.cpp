// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/save_history.h"

#include "daemon/policy/saving/final_save.h"

#include <algorithm>
#include <chrono>

namespace gpujob::policy {

void SaveHistory::relearn(std::string_view storage, const saving::SavePrior& prior) {
  if (saves.size() > k_saves_kept) {
    saves.erase(saves.begin(), saves.end() - static_cast<std::ptrdiff_t>(k_saves_kept));
  }
  ++learned;
  if (saves.empty()) {
    lead = {};
    return;
  }
  // Once here, and not for every job of a queue at every wake-up.
  constexpr double k_long_session = 12 * 3600;
  const auto law = saving::estimate_latency(saves, prior, storage).law;
  const auto best = saving::best_final_save(law, k_long_session);
  lead = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(best.lead));
}

Duration longest_save(const SaveHistory& history) {
  double longest = 0;
  for (const auto& s : history.saves) {
    longest = std::max(longest, s.latency());
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(longest));
}

Duration longest_pause(const SaveHistory& history) {
  double longest = 0;
  for (const auto& s : history.saves) {
    longest = std::max(longest, s.pause);
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(longest));
}

} // namespace gpujob::policy
