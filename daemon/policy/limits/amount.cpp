// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/amount.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <optional>

namespace gpujob::limits {

namespace {

__extension__ using Wide = __int128;

constexpr int k_decimals = 6;
constexpr std::int64_t k_micro = 1'000'000;
constexpr std::int64_t k_hour_s = 3600;
constexpr std::int64_t k_one = k_micro * k_hour_s;
constexpr std::int64_t k_second_ns = 1'000'000'000;

std::int64_t clamp(Wide units) {
  constexpr Wide k_most = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp<Wide>(units, 0, k_most));
}

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > k_one) {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  return value;
}

} // namespace

Result<Amount> Amount::parse(std::string_view text) {
  const auto dot = text.find('.');
  const auto whole = digits(text.substr(0, dot));
  auto decimals = dot == std::string_view::npos ? std::string() : std::string(text.substr(dot + 1));
  const bool shaped = dot != 0 && !text.empty() && text.back() != '.';
  const bool exact = decimals.size() <= k_decimals;
  decimals.resize(k_decimals, '0');
  const auto fraction = digits(decimals);
  if (!shaped || !whole || !exact || !fraction) {
    return Error{Errc::bad_data,
                 fmt::format("amount: {}: is not one: write it like 1.26, with at most {} decimals",
                             text.substr(0, 40), k_decimals)};
  }
  return Amount(clamp((Wide{*whole} * k_micro + *fraction) * k_hour_s));
}

Amount Amount::per_hour_for(Duration d) const {
  const auto ns = std::max<std::int64_t>(d.count(), 0);
  constexpr Wide k_hour_ns = Wide{k_hour_s} * k_second_ns;
  return Amount(clamp((Wide{m_units} * ns + k_hour_ns - 1) / k_hour_ns));
}

Amount Amount::times(std::int64_t n) const {
  return Amount(clamp(Wide{m_units} * n));
}

Duration Amount::lasts_at(Amount per_hour) const {
  if (per_hour.is_zero()) {
    return k_longest_span;
  }
  const Wide ns = Wide{m_units} * k_hour_s * k_second_ns / per_hour.m_units;
  return Duration{static_cast<std::int64_t>(std::min<Wide>(ns, k_longest_span.count()))};
}

std::string Amount::text(int places) const {
  std::int64_t step = k_one; // one of the last place
  for (int i = 0; i < places; ++i) {
    step /= 10;
  }
  const Wide steps = (Wide{m_units} + step / 2) / step;
  const Wide per_one = k_one / step;
  auto out = fmt::format("{}", static_cast<std::int64_t>(steps / per_one));
  if (places > 0) {
    out += fmt::format(".{:0{}}", static_cast<std::int64_t>(steps % per_one), places);
  }
  const auto shortest = out.size() - static_cast<std::size_t>(std::max(places - 2, 0));
  while (out.size() > shortest && out.back() == '0') {
    out.pop_back();
  }
  return out;
}

Amount operator+(Amount a, Amount b) {
  return Amount(clamp(Wide{a.m_units} + b.m_units));
}

Amount operator-(Amount a, Amount b) {
  return Amount(clamp(Wide{a.m_units} - b.m_units));
}

} // namespace gpujob::limits
