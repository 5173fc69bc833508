// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/state_codec.h"

#include "common/json.h"
#include "daemon/store/codec_parts.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>

namespace gpujob::store {

namespace {

using namespace policy;
using gpujob::json::Reader;
using json::Json;

void put(Json& j, const char* key, const std::optional<int>& value) {
  if (value) {
    j[key] = *value;
  }
}

std::optional<int> get_int(Reader& r, const char* key) {
  const auto value = r.maybe_integer(key);
  return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

Json request_json(const Request& q) {
  Json j{
      {"number", q.number}, {"final", q.final}, {"sent_ns", to_ns(q.sent)}, {"signal", q.signal}};
  put(j, "answer", q.answer);
  if (q.saved) {
    j["saved_ns"] = to_ns(*q.saved);
  }
  if (!q.note.empty()) {
    j["note"] = q.note;
  }
  return j;
}

std::optional<Plan> read_plan(Reader& outer, const char* key) {
  const auto* j = outer.find(key);
  if (j == nullptr) {
    return std::nullopt;
  }
  auto plan = plan_from_json(*j);
  if (!plan) {
    outer.fail(key, plan.error().text.c_str());
    return std::nullopt;
  }
  return *plan;
}

std::optional<Request> read_request(Reader& outer) {
  const auto* j = outer.find("request");
  if (j == nullptr) {
    return std::nullopt;
  }
  Reader r(*j, "request");
  Request q;
  q.number = r.integer("number");
  q.final = r.boolean_or("final", false);
  q.sent = r.boot_time("sent_ns");
  q.signal = r.text("signal");
  q.answer = get_int(r, "answer");
  q.saved = r.maybe_boot_time("saved_ns");
  q.note = r.text_or("note", "");
  if (!r.ok()) {
    outer.fail("request", r.error().text.c_str());
  }
  return q;
}

std::optional<Progress> read_progress(Reader& outer) {
  const auto* j = outer.find("progress");
  if (j == nullptr) {
    return std::nullopt;
  }
  Progress p;
  p.told = true;
  if (j->is_number()) { // as it was written first; without a beginning it tells no pace
    p.told = false;
    p.done = outer.maybe_number("progress").value_or(0);
    return p;
  }
  Reader r(*j, "progress");
  p.done = r.maybe_number("done").value_or(0);
  p.at = r.boot_time("at_ns");
  p.first_done = r.maybe_number("first_done").value_or(0);
  p.first_at = r.boot_time("first_ns");
  if (const auto left = r.maybe_integer("left_ns"); left && is_plausible(Duration{*left})) {
    p.left = Duration{*left};
  }
  if (!r.ok()) {
    outer.fail("progress", r.error().text.c_str());
  }
  return p;
}

struct WriteState {
  Json operator()(const Queued& s) const { return {{"reason", s.reason}}; }
  Json operator()(const Held& s) const { return {{"reason", s.reason}}; }
  Json operator()(const Starting& s) const {
    Json j{{"prepare", work_text(s.prepare)}, {"launch", work_text(s.launch)}};
    if (s.plan) {
      j["plan"] = to_json(*s.plan);
    }
    return j;
  }
  Json operator()(const Running& s) const {
    Json j{{"since_ns", to_ns(s.since)},
           {"pid", s.pid},
           {"status", s.status},
           {"catches", s.catches},
           {"recipe", s.recipe},
           {"recipe_why", s.recipe_why},
           {"recipe_exits", s.recipe_exits},
           {"told_no_catch", s.told_no_catch},
           {"ending", s.ending}};
    if (s.plan_given) {
      j["plan"] = to_json(*s.plan_given);
    }
    if (s.request) {
      j["request"] = request_json(*s.request);
    }
    if (s.progress && s.progress->told) {
      j["progress"] = {{"done", s.progress->done},
                       {"at_ns", to_ns(s.progress->at)},
                       {"first_done", s.progress->first_done},
                       {"first_ns", to_ns(s.progress->first_at)}};
      if (s.progress->left) {
        j["progress"]["left_ns"] = s.progress->left->count();
      }
    }
    put_boot(j, "save_asked_ns", s.save_asked);
    put_boot(j, "late_ns", s.late);
    j["unanswered"] = s.unanswered;
    return j;
  }
  Json operator()(const Ending& s) const {
    Json j{{"same_boot", s.same_boot}, {"left_after_save", s.left_after_save}, {"limit", s.limit}};
    if (s.record) {
      j["record"] = encode(*s.record);
    }
    return j;
  }
  Json operator()(const Ended& s) const {
    Json j{{"reason", s.reason}, {"saved_at_limit", s.saved_at_limit}};
    put(j, "code", s.code);
    put(j, "signal", s.signal);
    return j;
  }
};

JobState read_running(Reader& r) {
  Running s;
  s.since = r.boot_time("since_ns");
  s.pid = static_cast<int>(r.integer("pid"));
  s.status = r.text("status");
  s.catches = r.text("catches");
  s.recipe = r.text_or("recipe", "");
  s.recipe_why = r.text_or("recipe_why", "");
  s.recipe_exits = r.boolean_or("recipe_exits", false);
  s.told_no_catch = r.boolean_or("told_no_catch", false);
  s.ending = r.boolean_or("ending", false);
  s.plan_given = read_plan(r, "plan");
  s.request = read_request(r);
  s.progress = read_progress(r);
  s.save_asked = r.maybe_boot_time("save_asked_ns");
  s.late = r.maybe_boot_time("late_ns");
  s.unanswered = static_cast<int>(std::clamp<std::int64_t>(r.integer_or("unanswered", 0), 0, 1000));
  return s;
}

JobState read_ending(Reader& r) {
  Ending s;
  s.same_boot = r.boolean_or("same_boot", true);
  s.left_after_save = r.boolean_or("left_after_save", false);
  s.limit = r.text_or("limit", "");
  if (r.find("record") != nullptr) {
    auto record = decode_exit_record(r.text("record"));
    if (record) {
      s.record = *record;
    } else {
      r.fail("record", record.error().text.c_str());
    }
  }
  return s;
}

std::optional<JobState> read_ended(const std::string& state, Reader& r) {
  for (const auto end :
       {EndState::parked, EndState::done, EndState::failed, EndState::stopped, EndState::lost}) {
    if (state == to_text(end)) {
      return Ended{end, r.text("reason"), get_int(r, "code"), get_int(r, "signal"),
                   r.boolean_or("saved_at_limit", false)};
    }
  }
  return std::nullopt;
}

std::optional<JobState> read_state(const std::string& state, Reader& r) {
  if (state == "queued") {
    return Queued{r.text("reason")};
  }
  if (state == "held") {
    return Held{r.text("reason")};
  }
  if (state == "starting") {
    return Starting{read_work(r, "prepare"), read_work(r, "launch"), read_plan(r, "plan")};
  }
  if (state == "running") {
    return read_running(r);
  }
  if (state == "ending") {
    return read_ending(r);
  }
  return read_ended(state, r);
}

} // namespace

std::string encode_state(const Job& job) {
  return gpujob::json::dump(std::visit(WriteState{}, job.state));
}

Result<JobState> decode_state(const std::string& state, const std::string& data) {
  auto j = gpujob::json::parse(data, "job state");
  if (!j) {
    return j.error();
  }
  Reader r(*j, "job state");
  auto read = read_state(state, r);
  if (!read) {
    return Error{Errc::bad_data, fmt::format("job state: '{}': not a known state", state)};
  }
  if (!r.ok()) {
    return r.error();
  }
  return std::move(*read);
}

} // namespace gpujob::store
