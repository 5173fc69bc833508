// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/platform/settings.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::platform {

namespace {

using json::Json;

Json or_null(std::string_view s) {
  return s.empty() ? Json() : Json(s);
}

/// Whole seconds as an integer, others to the millisecond.
Json in_seconds(Duration d) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(d).count();
  return ms % 1000 == 0 ? Json(ms / 1000) : Json(static_cast<double>(ms) / 1000);
}

Json instant(std::optional<BootTime> t, Now now) {
  return t ? Json(format_rfc3339(now.wall_at(*t))) : Json();
}

Json view_of_limit(const SessionSettings& s, Now now) {
  if (!s.limit) {
    return {{"limit_s", nullptr},
            {"remaining_s", nullptr},
            {"margin_s", nullptr},
            {"source", nullptr},
            {"as_of", nullptr},
            {"confidence", nullptr},
            {"alternatives_s", Json::array()},
            {"ended", false}};
  }
  const auto left = *s.ends_at() - now.boot;
  auto alternatives = Json::array();
  for (const auto a : s.limit->alternatives) {
    alternatives.push_back(in_seconds(a));
  }
  return {{"limit_s", in_seconds(s.limit->value)},
          {"remaining_s", in_seconds(std::max(left, Duration::zero()))},
          {"margin_s", in_seconds(s.margin)},
          {"source", s.limit->source},
          {"as_of", or_null(s.limit->as_of)},
          {"confidence", to_text(s.limit->confidence)},
          {"alternatives_s", std::move(alternatives)},
          {"ended", left <= Duration::zero()}};
}

Json view_of_session(const SessionSettings& s, Now now, const PlannedEnd& planned) {
  auto out = view_of_limit(s, now);
  out["id"] = s.id;
  out["elapsed_s"] = in_seconds(std::max(now.boot - s.start.boot, Duration::zero()));
  out["started_at"] = instant(s.start.boot, now);
  out["ends_at"] = instant(planned.ends_at, now);
  out["plan_ends_at"] = instant(planned.plan_end, now);
  out["ends_by"] = or_null(planned.by);
  out["idle_ends_at"] = instant(planned.idle_end, now);
  out["idle_evidence"] = planned.idle_evidence;
  out["start_source"] = s.start.source;
  out["start_confidence"] = to_text(s.start.confidence);
  out["start_evidence"] = s.start.evidence;
  if (planned.ends_at && planned.plan_end) {
    const auto left = std::max(*planned.ends_at - now.boot, Duration::zero());
    out["margin_s"] = in_seconds(*planned.ends_at - *planned.plan_end);
    out["remaining_s"] = in_seconds(left);
    out["ended"] = left == Duration::zero();
  }
  return out;
}

Json view_of_durable(const SessionSettings& s, std::string_view state) {
  if (!s.durable) {
    return {{"path", nullptr}, {"level", nullptr}, {"state", "off"}};
  }
  return {{"path", printable(s.durable->path)},
          {"level", or_null(s.durable->level)},
          {"state", or_null(state)}};
}

std::string detail_of(const SettingValue& v) {
  auto out = v.detail;
  if (v.stored) {
    out = fmt::format("stored with this session, first from {}{}{}", to_text(v.origin),
                      v.detail.empty() ? "" : " ", v.detail);
  }
  if (!v.note.empty()) {
    out += out.empty() ? v.note : fmt::format("; {}", v.note);
  }
  return out;
}

} // namespace

nlohmann::json session_view(const SessionSettings& s, Now now, std::string_view durable_state,
                            const PlannedEnd& planned) {
  auto values = Json::object();
  for (const auto& [name, v] : s.settings) {
    values[name] = {{"value", v.value ? Json(printable(*v.value)) : Json()},
                    {"origin", v.stored ? "stored" : to_text(v.origin)},
                    {"detail", detail_of(v)}};
  }
  return {{"platform", s.platform},
          {"variant", or_null(s.variant)},
          {"plan", or_null(s.plan)},
          {"evidence", s.evidence},
          {"conflicts", s.conflicts},
          {"confidence", to_text(s.confidence)},
          {"session", view_of_session(s, now, planned)},
          {"durable", view_of_durable(s, durable_state)},
          {"limits", Json::array()},
          {"settings", std::move(values)}};
}

} // namespace gpujob::platform
