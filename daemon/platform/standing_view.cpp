// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "common/json.h"
#include "common/overloaded.h"
#include "daemon/platform/standing.h"

#include <nlohmann/json.hpp>

namespace gpujob::platform {

namespace {

using json::Json;

Json seconds_or_null(const std::optional<Duration>& d) {
  return d ? Json(std::chrono::floor<std::chrono::seconds>(*d).count()) : Json();
}

Json instant_or_null(const std::optional<WallTime>& t) {
  return t ? Json(format_rfc3339(*t)) : Json();
}

const char* to_text(limits::OnExhausted effect) {
  switch (effect) {
  case limits::OnExhausted::deny_new:
    return "deny_new";
  case limits::OnExhausted::kill_now:
    return "kill_now";
  case limits::OnExhausted::unknown:
    break;
  }
  return "unknown";
}

const char* type_of(const LimitRule& rule) {
  return std::visit(Overloaded{
                        [](const SessionCap&) { return "session"; },
                        [](const IdleCap&) { return "idle"; },
                        [](const WindowRule&) { return "window"; },
                        [](const GrantsRule&) { return "grants"; },
                        [](const BalanceRule&) { return "balance"; },
                        [](const MoneyRule&) { return "money"; },
                        [](const DiskCap&) { return "disk"; },
                        [](const MemoryCap&) { return "memory"; },
                        [](const ConcurrencyCap&) { return "concurrency"; },
                        [](const PresenceCheck&) { return "presence"; },
                    },
                    rule.what);
}

std::vector<Duration> alternatives_of(const LimitRule& rule) {
  if (const auto* window = std::get_if<WindowRule>(&rule.what)) {
    return window->alternatives;
  }
  const auto* idle = std::get_if<IdleCap>(&rule.what);
  return idle == nullptr ? std::vector<Duration>{} : idle->alternatives;
}

Json view_of(const Standing& s) {
  auto alternatives = Json::array();
  for (const auto a : alternatives_of(*s.rule)) {
    alternatives.push_back(seconds_or_null(a));
  }
  return {{"type", type_of(*s.rule)},
          {"resource", s.name},
          {"amount_s", seconds_or_null(s.amount)},
          {"used_s", seconds_or_null(s.horizon.used)},
          {"left_s", seconds_or_null(s.horizon.left)},
          {"unit", json::text_or_null(s.unit)},
          {"amount", json::text_or_null(s.amount_text)},
          {"used", json::text_or_null(s.used_text)},
          {"left", json::text_or_null(s.left_text)},
          {"runs_out_at", instant_or_null(s.horizon.runs_out)},
          {"renews_at", instant_or_null(s.horizon.renews)},
          {"ends_session_at", instant_or_null(s.ends_session())},
          {"on_exhausted", to_text(s.horizon.effect)},
          {"machines", s.machines},
          {"silent_machines", s.silent},
          {"note", json::text_or_null(s.note)},
          {"stated", json::text_or_null(s.stated)},
          {"alternatives_s", std::move(alternatives)},
          {"source", s.rule->source},
          {"as_of", s.rule->as_of},
          {"confidence", platform::to_text(s.rule->confidence)}};
}

} // namespace

Json standings_view(const std::vector<Standing>& standings) {
  auto out = Json::array();
  for (const auto& s : standings) {
    out.push_back(view_of(s));
  }
  return out;
}

} // namespace gpujob::platform
