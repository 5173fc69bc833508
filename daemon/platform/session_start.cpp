// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/session_start.h"

#include "common/duration.h"
#include "common/proc.h"

#include <fmt/format.h>

namespace gpujob::platform {

namespace {

/// PID 1's start when it is the session's, else why it is not, appended to `evidence`.
std::optional<BootTime> pid1_start(const Facts& facts, const StartQuestion& question, Now now,
                                   std::vector<std::string>& evidence) {
  if (!question.platform_known && !facts.in_container()) {
    evidence.emplace_back("no platform and no container: PID 1's start is only the machine's");
    return std::nullopt;
  }
  if (!facts.pid1_start_ticks) {
    evidence.emplace_back("/proc/1/stat cannot be read");
    return std::nullopt;
  }
  const auto start = boot_from_ns(proc::ticks_to_ns(*facts.pid1_start_ticks));
  const auto age = now.boot - start;
  if (age < Duration::zero()) {
    evidence.emplace_back("/proc/1/stat: PID 1 started after now: no evidence");
    return std::nullopt;
  }
  const auto said = fmt::format("/proc/1/stat: PID 1 started {} ago", format_duration(age));
  if (question.limit && age > *question.limit) {
    evidence.push_back(fmt::format("{}, longer than the limit of {}: no evidence", said,
                                   format_duration(*question.limit)));
    return std::nullopt;
  }
  evidence.push_back(said);
  return start;
}

} // namespace

SessionStart find_session_start(const Facts& facts, const StartQuestion& question, Now now) {
  SessionStart s;
  if (const auto start = pid1_start(facts, question, now, s.evidence)) {
    s.boot = *start;
    s.source = "pid1";
    // Not high: a VM may have waited in a pool before it was ours. That errs to the safe side.
    s.confidence = question.platform_known ? Confidence::medium : Confidence::low;
  } else {
    s.boot = question.daemon_start;
    s.source = "daemon";
    s.confidence = Confidence::low;
    s.evidence.emplace_back("taken: when gpujobd first started in this session");
  }
  s.wall = now.wall_at(s.boot);
  return s;
}

} // namespace gpujob::platform
