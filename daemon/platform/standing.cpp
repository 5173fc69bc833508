// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/standing.h"

#include "common/overloaded.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace gpujob::platform {

namespace {

void look_at(const SessionCap&, const Known&, WallTime, Standing&) {}

void look_at(const IdleCap& cap, const Known& known, WallTime now, Standing& out) {
  out.name = "idle";
  out.amount = cap.value;
  out.horizon.effect = limits::OnExhausted::kill_now;
  if (!cap.value) {
    out.note = cap.ask.empty() ? "only you know it" : "only you know it: " + cap.ask;
  } else if (!cap.observable) {
    out.note = "what counts as activity there cannot be seen from inside";
  } else if (cap.counts.empty()) {
    out.note = "what counts as activity there is not known: gpujob limits set idle=45m counts "
               "kernels";
  } else if (!known.idle.since) {
    out.note = known.idle.note;
  } else {
    out.note = known.idle.note; // one look that failed does not undo those before it
    const auto since = known.idle.active ? Duration::zero() : *known.idle.since;
    out.horizon.used = since;
    out.horizon.left = std::max(*cap.value - since, Duration::zero());
    out.horizon.runs_out =
        known.idle.active ? std::nullopt : std::optional(now + (*cap.value - since));
  }
  // Nobody is sure of it: saving is planned to it, ending is not.
  out.plannable = false;
}

std::string bytes(std::int64_t n) {
  return std::to_string(std::max<std::int64_t>(n, 0));
}

void look_at(const DiskCap& cap, const Known& known, WallTime, Standing& out) {
  out.name = cap.path;
  out.unit = cap.bytes ? "bytes" : "files";
  const auto most = cap.bytes ? cap.bytes : cap.max_files;
  out.amount_text = most ? bytes(*most) : "";
  const auto seen = std::ranges::find(known.disks, cap.path, &DiskSeen::path);
  if (seen == known.disks.end()) {
    out.note = "not looked at yet, or not there";
    return;
  }
  const auto used = cap.bytes ? seen->used_bytes : seen->files;
  out.used_text = bytes(used);
  auto left = most.value_or(0) - used;
  if (cap.bytes) {
    left = std::min(left, seen->free_bytes);
  }
  out.left_text = bytes(left);
  if (!seen->complete) {
    out.note = "there is more than was looked at";
  }
}

/// What tells that it is too little; empty: nothing does.
std::string strain_of(const MemorySeen& seen) {
  constexpr double k_felt = 1; // percent
  std::string text;
  if (seen.pressure && *seen.pressure >= k_felt) {
    text = fmt::format("programs waited for it in {:.0f} % of the last 10 s", *seen.pressure);
  }
  if (seen.oom_kills > 0) {
    text += fmt::format("{}{} process{} killed for it so far", text.empty() ? "" : "; ",
                        seen.oom_kills, seen.oom_kills == 1 ? "" : "es");
  }
  return text;
}

/// A limit of this machine's own, whatever is published of its platform.
const LimitRule& rule_of_the_machine() {
  static const LimitRule rule{MemoryCap{std::numeric_limits<std::int64_t>::max()},
                              {},
                              {},
                              {},
                              "the control group of this machine",
                              "now",
                              Confidence::high};
  return rule;
}

void look_at(const MemoryCap& cap, const Known& known, WallTime, Standing& out) {
  out.name = "memory";
  out.unit = "bytes";
  out.amount_text = bytes(cap.bytes);
  if (!known.memory) {
    out.note = "this machine does not show it";
    return;
  }
  const auto most = std::min(cap.bytes, known.memory->limit_bytes.value_or(cap.bytes));
  out.amount_text = bytes(most);
  out.used_text = bytes(known.memory->used_bytes);
  out.left_text = bytes(most - known.memory->used_bytes);
  out.note = strain_of(*known.memory);
}

void look_at(const ConcurrencyCap& cap, const Known&, WallTime, Standing& out) {
  out.name = cap.scope;
  out.unit = "sessions";
  out.amount_text = std::to_string(cap.count);
  out.note = "how many there are is not seen from inside";
}

void look_at(const PresenceCheck& check, const Known& known, WallTime now, Standing& out) {
  out.name = "presence";
  out.amount = check.after;
  out.horizon.left = std::max(known.session_began + check.after - now, Duration::zero());
  out.note = "the platform may ask whether somebody is there: only you can answer";
  out.plannable = false;
}

} // namespace

std::vector<Standing> stand(const Profile& profile, std::string_view variant, std::string_view plan,
                            const Known& known, WallTime now) {
  using namespace standing;
  std::vector<Standing> out;
  for (const auto& rule : profile.limits) {
    if (!rule.applies(variant, plan) || std::holds_alternative<SessionCap>(rule.what)) {
      continue;
    }
    Standing s;
    s.rule = &rule;
    std::visit([&](const auto& what) { look_at(what, known, now, s); }, rule.what);
    out.push_back(std::move(s));
  }
  const auto of_memory = [](const Standing& s) {
    return std::holds_alternative<MemoryCap>(s.rule->what);
  };
  if (known.memory && known.memory->limit_bytes && std::ranges::none_of(out, of_memory)) {
    Standing s;
    s.rule = &rule_of_the_machine();
    look_at(std::get<MemoryCap>(s.rule->what), known, now, s);
    out.push_back(std::move(s));
  }
  return out;
}

} // namespace gpujob::platform
