// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/limits/usage.h"
#include "tests/support/catch.h"

#include <string>

namespace gpujob::test {

using namespace std::chrono_literals;

/// Debian's tzdata is there where tests run.
inline limits::Zone zone(const std::string& name) {
  limits::Zone z;
  INFO(name);
  REQUIRE(absl::LoadTimeZone(name, &z));
  return z;
}

/// "2026-11-21T01:36:00+00:00"
inline WallTime at(const std::string& text) {
  absl::Time t;
  std::string error;
  INFO(text);
  REQUIRE(absl::ParseTime(absl::RFC3339_full, text, &t, &error));
  return wall_from_ns(absl::ToUnixNanos(t));
}

inline limits::Use use(const std::string& from, Duration length, const std::string& session = "s1",
                       const std::string& resource = "gpu") {
  return {session, resource, {at(from), at(from) + length}};
}

} // namespace gpujob::test

namespace Catch {
template <>
struct StringMaker<gpujob::WallTime> {
  static std::string convert(gpujob::WallTime t) {
    return absl::FormatTime(absl::FromUnixNanos(gpujob::to_ns(t)), absl::UTCTimeZone());
  }
};
} // namespace Catch
