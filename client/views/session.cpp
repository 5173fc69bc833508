// SPDX-License-Identifier: Apache-2.0
#include "client/views/session.h"

#include "client/views/fields.h"
#include "common/json.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::client {

using json::Json;
using namespace fields;

namespace {

void read_session(json::Reader& r, SessionView& v) {
  v.limit_s = r.maybe_number("limit_s");
  v.elapsed_s = r.maybe_number("elapsed_s");
  v.remaining_s = r.maybe_number("remaining_s");
  v.margin_s = r.maybe_number("margin_s");
  v.ends_at = instant(r, "ends_at");
  v.plan_ends_at = instant(r, "plan_ends_at");
  v.started_at = instant(r, "started_at");
  v.source = r.text_or("source", "");
  v.as_of = r.text_or("as_of", "");
  v.limit_confidence = r.text_or("confidence", "");
  v.ends_by = r.text_or("ends_by", "");
  v.start_source = r.text_or("start_source", "");
  v.start_confidence = r.text_or("start_confidence", "");
  v.start_evidence = shown_list(r, "start_evidence");
  v.alternatives_s = numbers(r, "alternatives_s");
  v.idle_ends_at = instant(r, "idle_ends_at");
  v.idle_evidence = shown_list(r, "idle_evidence");
}

LimitView read_limit(json::Reader& r) {
  LimitView l;
  l.type = r.text("type");
  l.resource = r.text("resource");
  l.effect = r.text_or("on_exhausted", "");
  l.note = r.text_or("note", "");
  l.stated = r.text_or("stated", "");
  l.source = r.text_or("source", "");
  l.as_of = r.text_or("as_of", "");
  l.confidence = r.text_or("confidence", "");
  l.unit = r.text_or("unit", "");
  l.amount = r.text_or("amount", "");
  l.used = r.text_or("used", "");
  l.left = r.text_or("left", "");
  l.binds = r.boolean_or("binds", false);
  l.amount_s = r.maybe_number("amount_s");
  l.used_s = r.maybe_number("used_s");
  l.left_s = r.maybe_number("left_s");
  l.runs_out_at = instant(r, "runs_out_at");
  l.renews_at = instant(r, "renews_at");
  l.ends_session_at = instant(r, "ends_session_at");
  l.machines = r.integer_or("machines", 0);
  l.silent_machines = r.integer_or("silent_machines", 0);
  l.alternatives_s = numbers(r, "alternatives_s");
  return l;
}

std::vector<SettingView> read_settings(json::Reader& r) {
  std::vector<SettingView> out;
  const auto* settings = r.find("settings");
  if (settings == nullptr || !settings->is_object()) {
    return out;
  }
  for (const auto& [name, setting] : settings->items()) {
    json::Reader one(setting, name);
    const auto* value = one.find("value");
    out.push_back({name, value == nullptr ? "" : shown(*value), one.text_or("origin", ""),
                   one.text_or("detail", "")});
  }
  return out;
}

} // namespace

Result<SessionView> read_session_view(const Json& document) {
  json::Reader r(document, "daemon: session view");
  SessionView v;
  v.platform = r.text("platform");
  v.variant = r.text_or("variant", "");
  v.plan = r.text_or("plan", "");
  v.confidence = r.text_or("confidence", "");
  v.evidence = shown_list(r, "evidence");
  v.conflicts = shown_list(r, "conflicts");
  nested(r, "session", [&](json::Reader& session) { read_session(session, v); });
  nested(r, "durable", [&](json::Reader& durable) {
    v.durable_path = bytes_or_empty(durable, "path");
    v.durable_level = durable.text_or("level", "");
    v.durable_state = durable.text_or("state", "");
  });
  each_object(r, "limits", [&](json::Reader& limit) { v.limits.push_back(read_limit(limit)); });
  v.settings = read_settings(r);
  return r.ok() ? Result<SessionView>(std::move(v)) : Result<SessionView>(r.error());
}

} // namespace gpujob::client
