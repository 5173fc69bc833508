// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace gpujob::limits {

/// An exact amount of money or of a platform's units: no floating point. One unit is a millionth of
/// a coin for one second of an hour, so that a price per hour times whole seconds is exact, too.
/// Holds up to 2.5 thousand million; what is greater stays there.
class Amount {
public:
  Amount() = default;

  /// "12", "0.0139", "1.26": at most six decimals, not negative. Errc::bad_data otherwise.
  static Result<Amount> parse(std::string_view text);

  /// This per hour, for so long. Rounded up: a cost is never told too small.
  [[nodiscard]] Amount per_hour_for(Duration d) const;
  /// This, so many times.
  [[nodiscard]] Amount times(std::int64_t n) const;
  /// How long it lasts at this price per hour, rounded down; k_longest_span for a price of nothing.
  [[nodiscard]] Duration lasts_at(Amount per_hour) const;

  [[nodiscard]] bool is_zero() const { return m_units == 0; }
  /// "3.039", "0.600333": rounded half up at `places` (0 to 6) decimals, zeros behind cut to two.
  [[nodiscard]] std::string text(int places = 6) const;

  friend Amount operator+(Amount a, Amount b);
  /// Not below nothing.
  friend Amount operator-(Amount a, Amount b);
  friend auto operator<=>(const Amount&, const Amount&) = default;

private:
  explicit Amount(std::int64_t units) : m_units(units) {}

  std::int64_t m_units = 0;
};

} // namespace gpujob::limits
