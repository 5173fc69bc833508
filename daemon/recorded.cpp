// SPDX-License-Identifier: Apache-2.0
#include "daemon/recorded.h"

#include "common/text.h"
#include "daemon/durable/ledger.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace gpujob {

Result<std::vector<simulate::Recorded>> read_recorded(const std::string& dir) {
  std::error_code failed;
  if (!std::filesystem::is_directory(dir, failed)) {
    return make_error(Errc::not_found, "simulate: " + dir + ": not a directory");
  }
  durable::Problems problems;
  auto sessions = durable::newest_heartbeats({dir}, problems);
  for (const auto& note : problems.notes) {
    fmt::print(stderr, "gpujob: simulate: {}\n", printable(note));
  }
  // Of the oldest ledgers nobody knows when a session began.
  std::erase_if(sessions, [](const auto& s) { return !s.began_ns || s.at_ns <= *s.began_ns; });
  std::sort(sessions.begin(), sessions.end(),
            [](const auto& a, const auto& b) { return *a.began_ns < *b.began_ns; });
  std::vector<simulate::Recorded> out;
  for (const auto& s : sessions) {
    const auto since_start = [&](std::int64_t at_ns) {
      return static_cast<double>(at_ns - *s.began_ns) / 1e9;
    };
    simulate::Recorded one{since_start(s.at_ns) + (s.closed ? 0 : s.interval_s), std::nullopt};
    if (s.ends_at_ns && *s.ends_at_ns > *s.began_ns) {
      one.cap = since_start(*s.ends_at_ns);
      one.length = std::min(one.length, *one.cap); // nothing outlives its cap
    }
    out.push_back(one);
  }
  return out;
}

} // namespace gpujob
