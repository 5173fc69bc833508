// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/checks.h"

#include "common/duration.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gpujob::client {

namespace {

using Findings = std::vector<Finding>;

void judge_platform(const SessionView& s, Findings& out) {
  const bool known = s.platform != "generic";
  const auto why = s.evidence.empty() ? "" : fmt::format(": {}", fmt::join(s.evidence, "; "));
  out.push_back({known || s.conflicts.empty() ? Health::good : Health::note, "platform",
                 fmt::format("{} (confidence: {}){}", s.platform, s.confidence, why),
                 known ? ""
                       : "if it is one of `gpujob platforms`: gpujob daemon stop, then gpujob "
                         "daemon start --platform NAME"});
  for (const auto& conflict : s.conflicts) {
    out.push_back({Health::note, "", conflict, "if that is the truth, say so with --platform"});
  }
}

void judge_end(const SessionView& s, Findings& out) {
  if (s.ends_at) {
    out.push_back({Health::good, "session",
                   fmt::format("ends in {}", format_seconds(s.remaining_s.value_or(0))), ""});
  } else {
    out.push_back({Health::bad, "session", "its end is not known: nothing is asked to save in time",
                   "gpujob limits set session=9h"});
  }
}

void judge_durable(const SessionView& s, Findings& out) {
  if (s.durable_path.empty()) {
    out.push_back({Health::bad, "durable", "none: checkpoints go with this VM",
                   "gpujob daemon stop, then gpujob daemon start --durable DIR"});
    return;
  }
  // Its state begins with the level that it has, or says why it has none.
  const bool usable =
      s.durable_state.starts_with("stored") || s.durable_state.starts_with("cached");
  out.push_back({usable ? Health::good : Health::bad, "durable",
                 fmt::format("{}: {}", s.durable_path, s.durable_state),
                 usable ? "" : "mount it, then gpujob daemon stop, and the same line again"});
}

void judge_idle(const SessionView& s, Findings& out) {
  const auto idle = std::ranges::find(s.limits, "idle", &LimitView::type);
  if (idle == s.limits.end()) {
    return;
  }
  if (idle->used_s) {
    out.push_back(
        {Health::good, "idleness", s.idle_evidence.empty() ? "seen" : s.idle_evidence.front(), ""});
    return;
  }
  const bool can_be_told = !idle->amount_s;
  out.push_back(
      {Health::note, "idleness", idle->note, can_be_told ? "gpujob limits set idle=45m" : ""});
  for (const auto& line : s.idle_evidence) {
    out.push_back({Health::note, "", line, ""});
  }
}

void judge_gpu(const Surroundings& a, Findings& out) {
  if (!a.has_gpu_device) {
    out.push_back({Health::note, "GPU", "no driver's device is there",
                   "if there should be one: choose a GPU in the notebook's settings"});
  } else if (a.gpu_library.empty()) {
    out.push_back({Health::note, "GPU",
                   "a driver's device is there, and libnvidia-ml.so.1 was not found",
                   "see that the driver's libraries are mounted into this container"});
  } else {
    out.push_back({Health::good, "GPU", a.gpu_library, ""});
  }
}

void judge_clock(const SessionView& s, const Surroundings& a, Findings& out) {
  // Nothing of ours is older; a clock that is, was never set.
  constexpr WallTime k_least{std::chrono::seconds{1'767'225'600}}; // 2026-01-01
  constexpr WallTime k_most{std::chrono::seconds{4'102'444'800}};  // 2100-01-01
  const bool odd = a.now < k_least || a.now > k_most || (s.started_at && *s.started_at > a.now);
  if (odd) {
    out.push_back({Health::bad, "clock",
                   "the wall clock is wrong: weekly quotas and what other sessions wrote are "
                   "misread; this session's end is not, it goes by the boot clock",
                   "set the clock"});
  }
  if (!a.has_tzdata) {
    out.push_back({Health::note, "clock",
                   "no time zones are installed: quotas that begin anew in a "
                   "zone of their own cannot be counted",
                   "install tzdata"});
  }
}

void judge_rest(const Surroundings& a, Findings& out) {
  for (const auto& program : a.lacks) {
    out.push_back(
        {Health::bad, "programs", program + " does not lie beside gpujob", "install gpujob whole"});
  }
  if (!a.trouble.empty()) {
    out.push_back({Health::bad, "daemon", a.trouble, ""});
  }
  if (!a.proxy.empty()) {
    out.push_back({Health::note, "proxy",
                   a.proxy + " is set: jobs and tools get it; gpujob itself asks only this machine "
                             "and its metadata, past any proxy",
                   ""});
  }
  for (const auto& file : a.user_profiles) {
    out.push_back({Health::note, "profile", file + " overrides what is built in",
                   "gpujob limits shows what holds"});
  }
}

} // namespace

std::vector<Finding> judge(const SessionView& session, const Surroundings& around) {
  Findings out;
  judge_platform(session, out);
  judge_end(session, out);
  judge_durable(session, out);
  judge_idle(session, out);
  judge_gpu(around, out);
  judge_clock(session, around, out);
  judge_rest(around, out);
  return out;
}

} // namespace gpujob::client
