// SPDX-License-Identifier: Apache-2.0
#include "common/plan.h"

#include "common/json.h"

#include <nlohmann/json.hpp>

namespace gpujob {

std::string_view to_text(EndReason r) {
  switch (r) {
  case EndReason::session_limit:
    return "session_limit";
  case EndReason::stop:
    return "stop";
  }
  return "unknown";
}

std::optional<EndReason> end_reason_from_text(std::string_view s) {
  for (const auto r : {EndReason::session_limit, EndReason::stop}) {
    if (s == to_text(r)) {
      return r;
    }
  }
  return std::nullopt;
}

bool same_course(const Plan& a, const Plan& b) {
  Plan c = b;
  c.number = a.number;
  return a == c;
}

namespace {

void put(nlohmann::json& j, const char* key, const std::optional<BootTime>& t) {
  if (t) {
    j[key] = to_ns(*t);
  }
}

} // namespace

nlohmann::json to_json(const Plan& p) {
  nlohmann::json j{{"number", p.number},
                   {"reason", to_text(p.reason)},
                   {"grace_ns", p.grace.count()},
                   {"kill_grace_ns", p.kill_grace.count()},
                   {"saved", p.saved}};
  put(j, "request_at_ns", p.request_at);
  put(j, "term_at_ns", p.term_at);
  put(j, "hard_end_ns", p.hard_end);
  return j;
}

Result<Plan> plan_from_json(const nlohmann::json& j) {
  json::Reader r(j, "plan");
  Plan p;
  p.number = r.integer("number");
  const auto reason = end_reason_from_text(r.text("reason"));
  if (!reason) {
    r.fail("reason", "is not a known reason");
  }
  p.reason = reason.value_or(EndReason::session_limit);
  p.grace = r.span("grace_ns");
  p.kill_grace = r.span("kill_grace_ns");
  p.saved = r.boolean_or("saved", false);
  p.request_at = r.maybe_boot_time("request_at_ns");
  p.term_at = r.maybe_boot_time("term_at_ns");
  p.hard_end = r.maybe_boot_time("hard_end_ns");
  if (!r.ok()) {
    return r.error();
  }
  return p;
}

} // namespace gpujob
