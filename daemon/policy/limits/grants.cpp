// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/grants.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace gpujob::limits {

namespace {

constexpr auto k_never = WallTime::max();

WallTime expiry(const Grant& g) {
  return g.expires.value_or(k_never);
}

class Purse {
public:
  Purse(std::vector<Grant> grants, const SpendOrder& order) : m_grants(std::move(grants)) {
    const auto rank = [&](const Grant& g) {
      return std::find(order.kinds.begin(), order.kinds.end(), g.kind) - order.kinds.begin();
    };
    std::stable_sort(m_grants.begin(), m_grants.end(), [&](const Grant& a, const Grant& b) {
      return std::tuple(rank(a), expiry(a), a.issued) < std::tuple(rank(b), expiry(b), b.issued);
    });
  }

  /// Pays for `use`; what nobody paid for.
  Duration pay(const Span& use) {
    Duration uncovered{};
    for (auto t = use.begin; t < use.end;) {
      auto* grant = first_valid(t);
      auto until = std::min(use.end, next_change(t));
      if (grant == nullptr) {
        uncovered += until - t;
      } else {
        until = std::min(until, t + grant->amount);
        grant->amount -= until - t;
      }
      t = until;
    }
    return uncovered;
  }

  /// The first instant from `t` on at which nothing pays; nullopt: there is no such.
  std::optional<WallTime> empty_from(WallTime t) {
    for (;;) {
      auto* grant = first_valid(t);
      if (grant == nullptr) {
        return t;
      }
      if (grant->amount > k_longest_span) {
        return std::nullopt;
      }
      const auto until = std::min(next_change(t), t + grant->amount);
      grant->amount -= until - t;
      t = until;
    }
  }

  [[nodiscard]] std::vector<Grant> left(WallTime now) const {
    std::vector<Grant> out;
    std::copy_if(m_grants.begin(), m_grants.end(), std::back_inserter(out),
                 [&](const Grant& g) { return g.amount > Duration::zero() && expiry(g) > now; });
    return out;
  }

private:
  Grant* first_valid(WallTime t) {
    const auto it = std::find_if(m_grants.begin(), m_grants.end(), [&](const Grant& g) {
      return g.issued <= t && t < expiry(g) && g.amount > Duration::zero();
    });
    return it == m_grants.end() ? nullptr : &*it;
  }

  /// When a grant is issued or expires next: until then the same one is first.
  [[nodiscard]] WallTime next_change(WallTime t) const {
    auto next = k_never;
    for (const auto& g : m_grants) {
      for (const auto at : {g.issued, expiry(g)}) {
        next = at > t ? std::min(next, at) : next;
      }
    }
    return next;
  }

  std::vector<Grant> m_grants;
};

} // namespace

std::vector<Grant> earned(const EarnRule& rule, const Usage& usage, const std::string& resource,
                          const Zone& zone, WallTime until) {
  std::vector<Grant> out;
  std::optional<Day> last;
  int row = 0;
  const auto count = [&](Day day, WallTime at) {
    if (last && day <= *last) {
      return;
    }
    row = last && day == *last + 1 ? row + 1 : 1;
    last = day;
    if (row >= rule.consecutive_days) {
      out.push_back(
          {rule.kind, rule.amount, at, rule.ttl ? std::optional(at + *rule.ttl) : std::nullopt});
      row = 0;
    }
  };
  for (const auto& use : usage.of(resource)) {
    // A use over midnight is one on both days.
    for (auto at = use.when.begin; at < std::min(use.when.end, until);
         at = instant(day_of(at, zone) + 1, {}, zone)) {
      count(day_of(at, zone), at);
    }
  }
  return out;
}

Spent spend(std::vector<Grant> grants, const SpendOrder& order, const Usage& usage,
            const std::string& resource, WallTime now) {
  Purse purse(std::move(grants), order);
  Spent out;
  for (const auto& use : usage.of(resource)) {
    out.uncovered += purse.pay({use.when.begin, std::min(use.when.end, now)});
  }
  out.left = purse.left(now);
  return out;
}

Horizon look(const Spent& spent, const SpendOrder& order, bool in_use, WallTime now,
             OnExhausted effect) {
  Horizon h;
  h.effect = effect;
  // What can be used in all: some may expire before its turn comes.
  const auto end = Purse(spent.left, order).empty_from(now);
  h.left = end ? *end - now : k_longest_span;
  if (in_use) {
    h.runs_out = end;
  }
  return h;
}

} // namespace gpujob::limits
