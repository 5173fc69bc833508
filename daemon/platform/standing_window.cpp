// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "common/duration.h"
#include "common/overloaded.h"
#include "common/text.h"
#include "daemon/platform/standing.h"
#include "daemon/platform/zones.h"
#include "daemon/policy/limits/grants.h"
#include "daemon/policy/limits/window.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

/// Quotas in time: of a period, and given hours.
namespace gpujob::platform::standing {

namespace {

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

/// Stands for the machine of a use that somebody told of.
const std::string k_said = "said ";

std::set<std::string> machines_of(const std::vector<limits::Use>& uses,
                                  const limits::Span& period) {
  std::set<std::string> machines;
  for (const auto& use : uses) {
    const auto part = limits::overlap(use.when, period);
    if (part.begin < part.end && !use.machine.starts_with(k_said)) {
      machines.insert(use.machine);
    }
  }
  return machines;
}

/// The newest word on what is left of the resource.
const Said* newest_left(const Known& known, const std::string& resource) {
  const Said* newest = nullptr;
  for (const auto& s : known.said) {
    if (s.kind == Said::Kind::left && s.name == resource &&
        (newest == nullptr || newest->at < s.at)) {
      newest = &s;
    }
  }
  return newest;
}

/// "kaggle quota said so 3h ago: 2h 10m more used than was counted here"
std::string compare(const Said& said, Duration ours, Duration theirs, WallTime now) {
  const auto ago = now - said.at;
  const auto who = fmt::format(
      "{} said so {}", printable(said.by),
      ago < std::chrono::minutes{1} ? "just now" : fmt::format("{} ago", format_duration(ago)));
  const auto apart = theirs - ours;
  if (std::chrono::abs(apart) < std::chrono::minutes{1}) {
    return who + ", as was counted here";
  }
  return fmt::format("{}: {} {} used than was counted here", who,
                     format_duration(std::chrono::abs(apart)),
                     apart > Duration::zero() ? "more" : "less");
}

limits::Usage with_said(const Known& known) {
  auto usage = known.usage;
  for (const auto& s : known.said) {
    if (s.kind == Said::Kind::use) {
      usage.add({k_said + s.id, s.name, {s.at - s.span, s.at}});
    }
  }
  return usage;
}

} // namespace

void look_at(const WindowRule& rule, const Known& known, WallTime now, Standing& out) {
  out.name = rule.resource;
  out.amount = rule.amount;
  out.horizon.effect = rule.effect;
  const auto* said = newest_left(known, rule.resource);
  auto given = rule;
  if (said != nullptr && said->total) {
    given.amount = said->total; // theirs wins, also where we knew of none
  }
  auto window = make_window(given);
  if (!window) {
    out.note = window.error().text;
    return;
  }
  out.amount = given.amount;
  // A quota of the machine is used whatever it holds.
  const bool any = rule.resource == "machine";
  auto usage = with_said(known);
  if (any) {
    usage = usage.as(rule.resource);
  }
  const bool in_use = any || rule.resource == known.resource;
  const auto counted = limits::look(*window, usage, in_use, now);
  if (said != nullptr) {
    window->stated = limits::Stated{said->at, said->span, said->total, said->renews};
  }
  out.horizon = limits::look(*window, usage, in_use, now);
  if (limits::statement_holds(*window, usage, now)) {
    out.stated = compare(*said, counted.used.value_or(Duration::zero()),
                         out.horizon.used.value_or(Duration::zero()), now);
  }
  if (const auto period = limits::period_of(*window, usage, now)) {
    const auto machines = machines_of(usage.of(rule.resource), *period);
    out.machines = machines.size();
    out.silent = static_cast<std::size_t>(std::ranges::count_if(
        machines, [&](const auto& machine) { return known.silent.contains(machine); }));
  }
}

void look_at(const GrantsRule& rule, const Known& known, WallTime now, Standing& out) {
  out.name = rule.resource;
  out.horizon.effect = rule.effect;
  const auto zone = load_zone(rule.zone);
  if (!zone) {
    out.note = zone.error().text;
    return;
  }
  const auto usage = with_said(known);
  std::vector<limits::Grant> grants;
  for (const auto& kind : rule.catalog) {
    for (const auto& s : known.said) {
      if (s.kind == Said::Kind::grant && s.name == kind.id) {
        const auto expires = s.expires || !kind.ttl ? s.expires : std::optional(s.at + *kind.ttl);
        grants.push_back({kind.id, s.span, s.at, expires});
      }
    }
    if (kind.every_days > 0 && kind.amount) {
      const limits::EarnRule earn{kind.id, *kind.amount, kind.ttl, kind.every_days};
      for (auto& g : limits::earned(earn, usage, rule.resource, *zone, now)) {
        grants.push_back(std::move(g));
      }
    }
  }
  const bool told =
      std::ranges::any_of(known.said, [](const Said& s) { return s.kind == Said::Kind::grant; });
  out.plannable = told;
  if (grants.empty()) {
    out.note = fmt::format("what you were given is not known: gpujob quota add {}",
                           rule.catalog.front().id);
    return;
  }
  const limits::SpendOrder order{rule.order};
  const auto spent = limits::spend(std::move(grants), order, usage, rule.resource, now);
  out.horizon = limits::look(spent, order, rule.resource == known.resource, now, rule.effect);
  if (!told) {
    out.note = fmt::format("only what is earned by use is counted: gpujob quota add {}, if you "
                           "were given more",
                           rule.catalog.front().id);
  }
}

} // namespace gpujob::platform::standing
