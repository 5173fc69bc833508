// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "common/result.h"
#include "daemon/platform/limit_rule.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

/// Shared by what reads a profile's limits: limit_json.cpp and quota_json.cpp.
namespace gpujob::platform {

using LimitKind = decltype(LimitRule::what);

inline Result<LimitKind> finish_limit(const json::Reader& r, LimitKind kind) {
  return r.ok() ? Result<LimitKind>(std::move(kind)) : r.error();
}

inline std::vector<Duration> read_alternatives(json::Reader& r) {
  std::vector<Duration> out;
  for (const int s : r.integers_or_empty("alternatives_s")) {
    if (s <= 0) {
      r.fail("alternatives_s", "is not within 1 and a year");
    }
    out.push_back(std::chrono::seconds{s});
  }
  return out;
}

/// quota_json.cpp: limits on what is used up, by whatever and whenever it is given.
Result<LimitKind> read_window(json::Reader& r, const json::Json& j, const std::string& where);
Result<LimitKind> read_grants(json::Reader& r, const json::Json& j, const std::string& where);
Result<LimitKind> read_balance(json::Reader& r, const json::Json& j, const std::string& where);
Result<LimitKind> read_money(json::Reader& r, const json::Json& j, const std::string& where);

} // namespace gpujob::platform
