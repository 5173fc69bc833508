// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/quotas.h"

#include "common/clock.h"
#include "common/overloaded.h"
#include "daemon/platform/zones.h"
#include "daemon/policy/limits/window.h"

#include <nlohmann/json.hpp>
#include <set>

namespace gpujob::platform {

namespace {

using Json = nlohmann::json;

/// What the engine needs, or why it is not known.
Result<limits::Window> make_window(const WindowRule& rule) {
  limits::Window w;
  w.resource = rule.resource;
  w.effect = rule.effect;
  if (!rule.amount) {
    return Error{Errc::not_found, "how much it is only you know"};
  }
  w.amount = *rule.amount;
  const auto anchored = std::visit(
      Overloaded{
          [&](const Weekly& p) -> Result<void> {
            const auto zone = load_zone(p.zone);
            if (!zone) {
              return zone.error();
            }
            w.anchor = limits::WeeklyAnchor{p.day, p.at, *zone};
            return {};
          },
          [&](const Monthly& p) -> Result<void> {
            const auto zone = load_zone(p.zone);
            if (!zone || !p.day) {
              return zone ? Error{Errc::not_found, "the day on which it begins anew only you know"}
                          : zone.error();
            }
            w.anchor = limits::MonthlyAnchor{*p.day, p.at, *zone};
            return {};
          },
          [&](const Rolling& p) -> Result<void> {
            w.anchor = limits::RollingAnchor{p.length};
            return {};
          },
      },
      rule.period);
  return anchored ? Result<limits::Window>(std::move(w)) : anchored.error();
}

std::size_t count_machines(const std::vector<limits::Use>& uses, const limits::Span& period) {
  std::set<std::string> machines;
  for (const auto& use : uses) {
    const auto part = limits::overlap(use.when, period);
    if (part.begin < part.end) {
      machines.insert(use.machine);
    }
  }
  return machines.size();
}

Quota look_at(const LimitRule& rule, const Ledger& ledger, WallTime now) {
  Quota q;
  q.rule = &rule;
  const auto& what = std::get<WindowRule>(rule.what);
  q.horizon.effect = what.effect;
  const auto window = make_window(what);
  if (!window) {
    q.note = window.error().text;
    return q;
  }
  // A quota of the machine is used whatever it holds.
  const bool any = what.resource == "machine";
  const auto usage = any ? ledger.usage.as(what.resource) : ledger.usage;
  q.horizon = limits::look(*window, usage, any || what.resource == ledger.resource, now);
  if (const auto period = limits::period_of(*window, usage, now)) {
    q.machines = count_machines(usage.of(what.resource), *period);
  }
  return q;
}

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

} // namespace

std::vector<Quota> look_at_quotas(const Profile& profile, std::string_view variant,
                                  std::string_view plan, const Ledger& ledger, WallTime now) {
  std::vector<Quota> out;
  for (const auto& rule : profile.limits) {
    if (std::holds_alternative<WindowRule>(rule.what) && rule.applies(variant, plan)) {
      out.push_back(look_at(rule, ledger, now));
    }
  }
  return out;
}

Json quotas_view(const std::vector<Quota>& quotas) {
  auto out = Json::array();
  for (const auto& q : quotas) {
    const auto& what = std::get<WindowRule>(q.rule->what);
    auto alternatives = Json::array();
    for (const auto a : what.alternatives) {
      alternatives.push_back(seconds_or_null(a));
    }
    out.push_back({{"type", "window"},
                   {"resource", what.resource},
                   {"amount_s", seconds_or_null(what.amount)},
                   {"used_s", seconds_or_null(q.horizon.used)},
                   {"left_s", seconds_or_null(q.horizon.left)},
                   {"runs_out_at", instant_or_null(q.horizon.runs_out)},
                   {"renews_at", instant_or_null(q.horizon.renews)},
                   {"ends_session_at", instant_or_null(q.horizon.ends_session())},
                   {"on_exhausted", to_text(q.horizon.effect)},
                   {"machines", q.machines},
                   {"note", q.note.empty() ? Json() : Json(q.note)},
                   {"alternatives_s", std::move(alternatives)},
                   {"source", q.rule->source},
                   {"as_of", q.rule->as_of},
                   {"confidence", platform::to_text(q.rule->confidence)}});
  }
  return out;
}

} // namespace gpujob::platform
