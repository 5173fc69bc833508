// SPDX-License-Identifier: Apache-2.0
#include "common/duration.h"
#include "common/text.h"
#include "daemon/platform/session_start.h"

#include <ctime>
#include <fmt/format.h>

namespace gpujob::platform {

namespace {

/// Reads a text from its start; each step says whether it was there.
class Cursor {
public:
  explicit Cursor(std::string_view text) : m_rest(text) {}

  /// Exactly `count` digits.
  bool digits(int count, int& out) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      if (!at_digit()) {
        return false;
      }
      value = value * 10 + take_digit();
    }
    out = value;
    return true;
  }

  /// Digits after a decimal point, as nanoseconds.
  bool fraction(Duration& out) {
    if (!at_digit()) {
      return false;
    }
    std::int64_t scale = 100000000;
    for (out = {}; at_digit(); scale /= 10) {
      out += Duration{take_digit() * scale};
    }
    return true;
  }

  bool eat(std::string_view any_of) {
    if (m_rest.empty() || any_of.find(m_rest.front()) == std::string_view::npos) {
      return false;
    }
    m_eaten = m_rest.front();
    m_rest.remove_prefix(1);
    return true;
  }

  [[nodiscard]] char eaten() const { return m_eaten; }
  [[nodiscard]] bool done() const { return m_rest.empty(); }

private:
  [[nodiscard]] bool at_digit() const {
    return !m_rest.empty() && m_rest.front() >= '0' && m_rest.front() <= '9';
  }
  int take_digit() {
    const int d = m_rest.front() - '0';
    m_rest.remove_prefix(1);
    return d;
  }

  std::string_view m_rest;
  char m_eaten = '\0';
};

/// HH:MM[:SS[.fraction]]
bool read_clock(Cursor& c, std::tm& tm, Duration& fraction) {
  if (!c.digits(2, tm.tm_hour) || !c.eat(":") || !c.digits(2, tm.tm_min)) {
    return false;
  }
  tm.tm_sec = 0;
  if (c.eat(":") && (!c.digits(2, tm.tm_sec) || (c.eat(".") && !c.fraction(fraction)))) {
    return false;
  }
  return tm.tm_hour < 24 && tm.tm_min < 60 && tm.tm_sec < 60;
}

/// "Z" or "+01:00", as seconds east of Greenwich; nullopt: none there, which is local time.
bool read_zone(Cursor& c, std::optional<int>& east) {
  if (c.eat("Zz")) {
    east = 0;
  } else if (c.eat("+-")) {
    const int sign = c.eaten() == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    if (!c.digits(2, hours) || !c.eat(":") || !c.digits(2, minutes) || hours > 23 || minutes > 59) {
      return false;
    }
    east = sign * (hours * 3600 + minutes * 60);
  }
  return c.done();
}

std::optional<WallTime> to_wall(std::tm tm, std::optional<int> east, Duration fraction) {
  const int day = tm.tm_mday;
  const int month = tm.tm_mon;
  tm.tm_isdst = -1;
  const std::time_t seconds = east ? ::timegm(&tm) - *east : ::mktime(&tm);
  // The library turns 31 February into March.
  if (tm.tm_mday != day || tm.tm_mon != month) {
    return std::nullopt;
  }
  return WallTime{std::chrono::seconds{seconds}} + fraction;
}

/// YYYY-MM-DD, "T" or a blank, the clock, and perhaps a zone.
std::optional<WallTime> read_date_time(std::string_view text) {
  Cursor c(text);
  std::tm tm{};
  Duration fraction{};
  std::optional<int> east;
  if (!c.digits(4, tm.tm_year) || !c.eat("-") || !c.digits(2, tm.tm_mon) || !c.eat("-") ||
      !c.digits(2, tm.tm_mday) || !c.eat("Tt ") || !read_clock(c, tm, fraction) ||
      !read_zone(c, east)) {
    return std::nullopt;
  }
  // The range of 64 bits of nanoseconds, with room.
  if (tm.tm_year < 1970 || tm.tm_year > 2200) {
    return std::nullopt;
  }
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  return to_wall(tm, east, fraction);
}

std::optional<WallTime> read_today(std::string_view text, WallTime now) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::tm tm{};
  ::localtime_r(&seconds, &tm);
  Cursor c(text);
  Duration fraction{};
  if (!read_clock(c, tm, fraction) || !c.done()) {
    return std::nullopt;
  }
  return to_wall(tm, std::nullopt, fraction);
}

/// "1763694000" or "1763694000.25", as date +%s and %s.%N write it.
std::optional<WallTime> read_unix(std::string_view text) {
  const auto point = text.find('.');
  const auto seconds = parse_int(text.substr(0, point));
  Duration fraction{};
  if (point != std::string_view::npos) {
    Cursor c(text.substr(point + 1));
    if (!c.fraction(fraction) || !c.done()) {
      return std::nullopt;
    }
  }
  constexpr long long k_year_2200 = 7258118400;
  if (!seconds || *seconds < 0 || *seconds > k_year_2200) {
    return std::nullopt;
  }
  return WallTime{std::chrono::seconds{*seconds}} + fraction;
}

std::optional<WallTime> read_ago(std::string_view text, WallTime now) {
  constexpr std::string_view k_ago = "ago";
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  } else if (text.ends_with(k_ago)) {
    text = trim(text.substr(0, text.size() - k_ago.size()));
  } else {
    return std::nullopt;
  }
  const auto d = parse_duration(text, "");
  return d ? std::optional(now - *d) : std::nullopt;
}

std::optional<WallTime> read_any(std::string_view text, WallTime now) {
  if (text == "now") {
    return now;
  }
  for (const auto& found :
       {read_ago(text, now), read_date_time(text), read_today(text, now), read_unix(text)}) {
    if (found) {
      return found;
    }
  }
  return std::nullopt;
}

} // namespace

Result<BootTime> parse_session_start(std::string_view text, std::string_view what, Now now) {
  text = trim(text);
  const auto refuse = [&](std::string_view why) {
    return Error{Errc::usage,
                 fmt::format("{}: '{}': {}", what, printable(text.substr(0, 60)), why)};
  };
  const auto wall = read_any(text, now.wall);
  if (!wall) {
    return refuse("not a time: write it like now, 14:30, 2026-11-21 14:30, 2026-11-21T14:30:00Z, "
                  "-30m or 30m ago, or as unix seconds");
  }
  if (*wall > now.wall) {
    return refuse("in the future: give the moment the session began, with its date if that was not "
                  "today");
  }
  if (now.wall - *wall > k_longest_session) {
    return refuse("longer ago than any session lasts: at most 31d");
  }
  return now.boot - (now.wall - *wall);
}

} // namespace gpujob::platform
