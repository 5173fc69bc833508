// SPDX-License-Identifier: Apache-2.0
#include "client/views.h"

#include "common/clock.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

using Json = nlohmann::json;

namespace {

/// A text, or bytes that are none; absent and null are empty.
std::string bytes_or_empty(json::Reader& r, const char* key) {
  return r.find(key) == nullptr ? std::string{} : r.bytes(key);
}

std::optional<WallTime> instant(json::Reader& r, const char* key) {
  if (r.find(key) == nullptr) {
    return std::nullopt;
  }
  auto at = parse_rfc3339(r.text(key));
  if (!at) {
    r.fail(key, "is not an instant");
  }
  return at;
}

std::optional<int> small(json::Reader& r, const char* key) {
  const auto value = r.maybe_integer(key);
  if (value && (*value < INT32_MIN || *value > INT32_MAX)) {
    r.fail(key, "is out of range");
  }
  return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

/// Strings as they are, anything else as JSON: evidence and settings may be either.
std::string shown(const Json& value) {
  return value.is_string() ? value.get<std::string>() : json::dump(value);
}

std::vector<std::string> shown_list(json::Reader& r, const char* key) {
  std::vector<std::string> out;
  const auto* list = r.find(key);
  if (list == nullptr) {
    return out;
  }
  if (!list->is_array()) {
    r.fail(key, "is not a list");
    return out;
  }
  for (const auto& item : *list) {
    out.push_back(shown(item));
  }
  return out;
}

/// Reads the object under `key` with `read`; absent and null read nothing.
template <typename Read>
void nested(json::Reader& r, const char* key, Read read) {
  const auto* object = r.find(key);
  if (object == nullptr) {
    return;
  }
  json::Reader inner(*object, key);
  read(inner);
  if (!inner.ok()) {
    r.fail(key, inner.error().text.c_str());
  }
}

CheckpointView read_checkpoint(json::Reader& r) {
  CheckpointView c;
  c.seq = r.integer_or("seq", 0);
  c.path = bytes_or_empty(r, "path");
  c.confirmed = r.boolean_or("confirmed", false);
  c.state = r.text_or("state", "");
  c.how = r.text_or("how", "");
  c.durable = r.text_or("durable", "");
  c.durable_path = bytes_or_empty(r, "durable_path");
  c.at = instant(r, "at");
  c.attempt = small(r, "attempt").value_or(0);
  c.step = r.maybe_integer("step");
  c.bytes = r.maybe_integer("bytes");
  c.stored_bytes = r.maybe_integer("stored_bytes");
  c.total_bytes = r.maybe_integer("total_bytes");
  c.stored_per_s = r.maybe_number("stored_per_s");
  c.note = r.text_or("note", "");
  return c;
}

std::vector<CheckpointView> read_checkpoints(json::Reader& r) {
  std::vector<CheckpointView> out;
  const auto* list = r.find("checkpoints");
  if (list == nullptr) {
    return out;
  }
  if (!list->is_array()) {
    r.fail("checkpoints", "is not a list");
    return out;
  }
  for (const auto& item : *list) {
    json::Reader one(item, "checkpoint");
    out.push_back(read_checkpoint(one));
    if (!one.ok()) {
      r.fail("checkpoints", one.error().text.c_str());
    }
  }
  return out;
}

SavingView read_saving(json::Reader& r) {
  SavingView s;
  s.next_at = instant(r, "next_at");
  s.last_at = instant(r, "last_at");
  s.period_s = r.maybe_number("period_s");
  s.miss = r.maybe_number("miss");
  s.basis = r.text_or("basis", "");
  s.samples = r.integer_or("samples", 0);
  s.sessions = r.integer_or("sessions", 0);
  s.mean_between_deaths_s = r.maybe_number("mean_between_deaths_s");
  s.storage = r.text_or("storage", "");
  s.storage_samples = r.maybe_integer("storage_samples");
  s.bathtub = r.text_or("deaths_law", "") == "bathtub";
  nested(r, "parts_s", [&](json::Reader& parts) {
    s.rest_of_step_s = parts.maybe_number("rest_of_step");
    s.save_s = parts.maybe_number("save");
    s.verify_s = parts.maybe_number("verify");
    s.copy_s = parts.maybe_number("copy");
  });
  nested(r, "latency_s", [&](json::Reader& latency) {
    s.median_s = latency.maybe_number("median");
    s.p99_s = latency.maybe_number("p99");
  });
  return s;
}

} // namespace

const CheckpointView* JobView::newest_confirmed() const {
  for (auto it = checkpoints.rbegin(); it != checkpoints.rend(); ++it) {
    if (it->confirmed) {
      return &*it;
    }
  }
  return nullptr;
}

Result<JobView> read_job_view(const Json& document) {
  json::Reader r(document, "daemon: job view");
  JobView v;
  v.id = r.text("id");
  v.name = r.text("name");
  v.state = r.text("state");
  v.reason = r.text_or("reason", "");
  v.attempt = small(r, "attempt").value_or(0);
  v.exit = small(r, "exit");
  v.run_exit = small(r, "run_exit");
  v.pid = small(r, "pid");
  v.signal = r.text_or("signal", "");
  v.argv = r.find("argv") == nullptr ? std::vector<std::string>{} : r.bytes_list("argv");
  v.cwd = bytes_or_empty(r, "cwd");
  v.created_at = instant(r, "created_at");
  v.started_at = instant(r, "started_at");
  v.ended_at = instant(r, "ended_at");
  v.log = bytes_or_empty(r, "log");
  v.resume_from = bytes_or_empty(r, "resume_from");
  v.progress = r.maybe_number("progress");
  v.progress_by = r.text_or("progress_by", "");
  v.rate = r.text_or("rate", "");
  v.left_s = r.maybe_number("left_s");
  v.status = r.text_or("status", "");
  v.catches = r.text_or("catches", "");
  v.recipe = r.text_or("recipe", "");
  v.recipe_why = r.text_or("recipe_why", "");
  v.contract = r.text_or("contract", "");
  v.interruptions = r.integer_or("interruptions", 0);
  v.failures = r.integer_or("failures", 0);
  v.no_progress = r.integer_or("no_progress", 0);
  nested(r, "plan", [&](json::Reader& plan) {
    v.request_at = instant(plan, "request_at");
    v.term_at = instant(plan, "term_at");
    v.ends_at = instant(plan, "ends_at");
  });
  nested(r, "saving", [&](json::Reader& saving) { v.saving = read_saving(saving); });
  v.gpus = r.texts_or_empty("gpus");
  v.gpu_names = r.texts_or_empty("gpu_names");
  v.checkpoints = read_checkpoints(r);
  v.checkpoint_at = instant(r, "checkpoint_at");
  v.raw = json::dump(document);
  return r.ok() ? Result<JobView>(std::move(v)) : Result<JobView>(r.error());
}

namespace {

std::vector<double> numbers(json::Reader& r, const char* key) {
  std::vector<double> out;
  const auto* list = r.find(key);
  for (const auto& item : list == nullptr ? Json::array() : *list) {
    if (item.is_number()) {
      out.push_back(item.get<double>());
    }
  }
  return out;
}

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

std::vector<LimitView> read_limits(json::Reader& r) {
  std::vector<LimitView> out;
  const auto* limits = r.find("limits");
  for (const auto& limit : limits == nullptr ? Json::array() : *limits) {
    json::Reader one(limit, "daemon: limit");
    auto read = read_limit(one);
    if (!one.ok()) {
      r.fail("limits", one.error().text.c_str());
      break;
    }
    out.push_back(std::move(read));
  }
  return out;
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
  v.limits = read_limits(r);
  v.settings = read_settings(r);
  return r.ok() ? Result<SessionView>(std::move(v)) : Result<SessionView>(r.error());
}

} // namespace gpujob::client
