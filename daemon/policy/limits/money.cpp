// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/money.h"

#include <algorithm>

namespace gpujob::limits {

namespace {

std::int64_t quanta(const Rate& rate, Duration use) {
  const auto whole = use / rate.quantum;
  const bool begun = use % rate.quantum > Duration::zero();
  return whole + (begun && rate.rounding == Rounding::up ? 1 : 0);
}

} // namespace

Amount cost(const Rate& rate, Duration use) {
  return rate.per_hour.per_hour_for(rate.quantum)
      .times(quanta(rate, std::max(use, Duration::zero())));
}

Amount cost(const Rate& rate, const Usage& usage, const std::string& resource, const Span& span) {
  Amount sum;
  for (const auto& use : usage.of(resource)) {
    const auto upto = [&](WallTime t) {
      return cost(rate, std::clamp(t, use.when.begin, use.when.end) - use.when.begin);
    };
    sum = sum + (upto(span.end) - upto(span.begin));
  }
  return sum;
}

Amount fee(const DailyFee& fee, Amount spent) {
  return fee.waived_from && spent >= *fee.waived_from ? Amount() : fee.per_day;
}

WallTime debited(const DailyFee& fee, Day day, const Zone& zone) {
  return instant(day + 1, fee.debited_at, zone);
}

Duration affordable(const Rate& rate, Amount left) {
  const auto price = rate.per_hour.per_hour_for(rate.quantum);
  const auto lasts = left.lasts_at(rate.per_hour);
  if (price.is_zero() || lasts >= k_longest_span) {
    return k_longest_span;
  }
  auto whole = lasts / rate.quantum;
  while (whole > 0 && price.times(whole) > left) {
    --whole; // the price of a quantum is rounded up, by a unit at most
  }
  return whole * rate.quantum;
}

Horizon look(const Balance& balance, const Usage& usage, const std::string& resource, bool in_use,
             WallTime now, OnExhausted effect) {
  Horizon h;
  h.effect = effect;
  if (!balance.burn) {
    return h;
  }
  const auto& rate = *balance.burn;
  const auto left = balance.amount - cost(rate, usage, resource, {balance.as_of, now});
  // Of the quantum that has begun the rest is paid for already.
  Duration paid{};
  for (const auto& use : usage.of(resource)) {
    if (in_use && use.when.begin <= now && now <= use.when.end) {
      const auto over = (now - use.when.begin) % rate.quantum;
      paid = over > Duration::zero() && rate.rounding == Rounding::up ? rate.quantum - over
                                                                      : Duration::zero();
    }
  }
  h.left = affordable(rate, left) + paid;
  if (in_use) {
    h.runs_out = now + *h.left;
  }
  return h;
}

} // namespace gpujob::limits
