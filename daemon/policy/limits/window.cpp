// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/window.h"

#include "common/overloaded.h"

#include <algorithm>

namespace gpujob::limits {

namespace {

/// The rolling period that `now` falls in. Of a use that goes on when a period ends the rest begins
/// the next one.
std::optional<Span> rolling_period(const Window& w, Duration length, const Usage& usage,
                                   WallTime now) {
  std::optional<Span> period;
  for (const auto& use : usage.of(w.resource)) {
    if (use.when.begin > now) {
      break;
    }
    if (!period || use.when.begin >= period->end) {
      period = Span{use.when.begin, use.when.begin + length};
    }
    const auto until = std::min(use.when.end, now);
    while (until > period->end) {
      period = Span{period->end, period->end + length};
    }
  }
  return period && period->contains(now) ? period : std::nullopt;
}

/// When what was used had come to `amount`: `used` of the period is at least that much.
WallTime used_up(const Window& w, const Usage& usage, const Span& period, WallTime now) {
  auto before = to_ns(period.begin), after = to_ns(now);
  while (after - before > 1) {
    const auto middle = before + (after - before) / 2;
    const bool enough = usage.within(w.resource, {period.begin, wall_from_ns(middle)}) >= w.amount;
    (enough ? after : before) = middle;
  }
  return wall_from_ns(after);
}

Span next_period(const Window& w, const Span& period) {
  return std::visit(
      Overloaded{
          [&](const WeeklyAnchor& a) { return week_of(period.end, a.day, a.at, a.zone); },
          [&](const MonthlyAnchor& a) { return month_of(period.end, a.day, a.at, a.zone); },
          [&](const RollingAnchor& a) {
            return Span{period.end, period.end + a.period};
          },
      },
      w.anchor);
}

} // namespace

std::optional<Span> period_of(const Window& window, const Usage& usage, WallTime now) {
  return std::visit(
      Overloaded{
          [&](const WeeklyAnchor& a) -> std::optional<Span> {
            return week_of(now, a.day, a.at, a.zone);
          },
          [&](const MonthlyAnchor& a) -> std::optional<Span> {
            return month_of(now, a.day, a.at, a.zone);
          },
          [&](const RollingAnchor& a) { return rolling_period(window, a.period, usage, now); },
      },
      window.anchor);
}

bool statement_holds(const Window& window, const Usage& usage, WallTime now) {
  const auto& s = window.stated;
  if (!s || s->at > now) {
    return false;
  }
  if (s->renews) {
    return now < *s->renews;
  }
  if (const auto* rolling = std::get_if<RollingAnchor>(&window.anchor)) {
    const auto period = period_of(window, usage, now);
    return period ? period->contains(s->at) : now < s->at + rolling->period;
  }
  return period_of(window, usage, now)->contains(s->at);
}

namespace {

/// The window as it must be for `left` to have been left then, and its period.
Window as_stated(Window w, const Usage& usage, std::optional<Span>& period) {
  const auto& s = *w.stated;
  if (!period && std::holds_alternative<RollingAnchor>(w.anchor)) {
    period = Span{s.at, s.at + std::get<RollingAnchor>(w.anchor).period};
  }
  if (s.renews) {
    period->end = *s.renews;
    period->begin = std::min(period->begin, s.at);
  }
  const auto before = usage.within(w.resource, {std::min(period->begin, s.at), s.at});
  w.amount = s.left + before;
  return w;
}

} // namespace

Horizon look(const Window& given, const Usage& usage, bool in_use, WallTime now) {
  Horizon h;
  h.effect = given.effect;
  auto period = period_of(given, usage, now);
  const bool stated = statement_holds(given, usage, now);
  const auto window = stated ? as_stated(given, usage, period) : given;
  if (!period && !in_use) {
    h.left = window.amount;
    h.used = Duration::zero();
    return h; // rolling, and it has not begun
  }
  if (!period) {
    period = Span{now, now + std::get<RollingAnchor>(window.anchor).period};
  }
  const auto used = usage.within(window.resource, {period->begin, std::min(now, period->end)});
  h.used = used;
  h.left = std::max(window.amount - used, Duration::zero());
  h.renews = period->end;
  if (stated) {
    h.used = std::max(given.stated->total.value_or(given.amount) - *h.left, Duration::zero());
  }
  if (!in_use) {
    return h;
  }
  if (now + *h.left <= period->end) {
    h.runs_out = used < window.amount ? now + *h.left : used_up(window, usage, *period, now);
    return h;
  }
  // The period after this one begins in full.
  const auto next = next_period(given, *period);
  if (given.amount < next.end - next.begin) {
    h.runs_out = next.begin + given.amount;
  }
  return h;
}

} // namespace gpujob::limits
