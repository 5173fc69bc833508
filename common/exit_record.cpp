// SPDX-License-Identifier: Apache-2.0
#include "common/exit_record.h"

#include "common/json.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace gpujob {

namespace {

constexpr std::int64_t k_version = 1;

int small_int(json::Reader& r, const char* key) {
  return static_cast<int>(r.integer_in(key, 0, 0x7fffffff));
}

std::uint64_t ticks(json::Reader& r, const char* key) {
  return static_cast<std::uint64_t>(r.integer_in(key, 0, std::numeric_limits<std::int64_t>::max()));
}

std::optional<EndReason> maybe_reason(json::Reader& r, const char* key) {
  if (r.find(key) == nullptr) {
    return std::nullopt;
  }
  const auto reason = end_reason_from_text(r.text(key));
  if (!reason) {
    r.fail(key, "is not a known reason");
  }
  return reason;
}

std::optional<int> maybe_small_int(json::Reader& r, const char* key, int max) {
  const auto value = r.maybe_integer(key);
  if (!value) {
    return std::nullopt;
  }
  if (*value < 0 || *value > max) {
    r.fail(key, "is out of range");
    return std::nullopt;
  }
  return static_cast<int>(*value);
}

void check_version(json::Reader& r) {
  if (r.integer("v") != k_version) {
    r.fail("v", "is not a version this program reads");
  }
}

} // namespace

std::string encode(const StartRecord& s) {
  return json::dump({{"v", k_version},
                     {"job_id", s.job_id},
                     {"attempt", s.attempt},
                     {"boot_id", s.boot_id},
                     {"shim_pid", s.shim_pid},
                     {"shim_start_ticks", s.shim_start_ticks},
                     {"child_pid", s.child_pid},
                     {"child_start_ticks", s.child_start_ticks},
                     {"at_ns", to_ns(s.at)}}) +
         "\n";
}

Result<StartRecord> decode_start_record(std::string_view text) {
  auto j = json::parse(text, "start record");
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "start record");
  check_version(r);
  StartRecord s;
  s.job_id = r.text("job_id");
  s.attempt = small_int(r, "attempt");
  s.boot_id = r.text("boot_id");
  s.shim_pid = small_int(r, "shim_pid");
  s.shim_start_ticks = ticks(r, "shim_start_ticks");
  s.child_pid = small_int(r, "child_pid");
  s.child_start_ticks = ticks(r, "child_start_ticks");
  s.at = r.wall_time("at_ns");
  if (!r.ok()) {
    return r.error();
  }
  return s;
}

std::string encode(const ExitRecord& e) {
  nlohmann::json j{{"v", k_version},
                   {"job_id", e.job_id},
                   {"attempt", e.attempt},
                   {"boot_id", e.boot_id},
                   {"final_requested", e.final_requested},
                   {"done_mark", e.done_mark},
                   {"last_journal_seq", e.last_journal_seq},
                   {"boot_ns", to_ns(e.boot_at)},
                   {"at_ns", to_ns(e.at)},
                   {"user_s", e.user_s},
                   {"system_s", e.system_s},
                   {"max_rss_kb", e.max_rss_kb}};
  if (e.code) {
    j["code"] = *e.code;
  }
  if (e.signal) {
    j["signal"] = *e.signal;
  }
  if (!e.exec_error.empty()) {
    j["exec_error"] = e.exec_error;
  }
  if (e.term_sent) {
    j["term_sent"] = to_text(*e.term_sent);
  }
  if (e.kill_sent) {
    j["kill_sent"] = to_text(*e.kill_sent);
  }
  if (e.oom_kills) {
    j["oom_kills"] = *e.oom_kills;
  }
  return json::dump(j) + "\n";
}

Result<ExitRecord> decode_exit_record(std::string_view text) {
  auto j = json::parse(text, "exit record");
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "exit record");
  check_version(r);
  ExitRecord e;
  e.job_id = r.text("job_id");
  e.attempt = small_int(r, "attempt");
  e.boot_id = r.text("boot_id");
  e.code = maybe_small_int(r, "code", 255);
  e.signal = maybe_small_int(r, "signal", 64);
  e.exec_error = r.text_or("exec_error", "");
  e.term_sent = maybe_reason(r, "term_sent");
  e.kill_sent = maybe_reason(r, "kill_sent");
  e.final_requested = r.boolean_or("final_requested", false);
  e.done_mark = r.boolean_or("done_mark", false);
  e.oom_kills = r.maybe_integer("oom_kills");
  e.last_journal_seq = r.integer("last_journal_seq");
  e.boot_at = r.boot_time("boot_ns");
  e.at = r.wall_time("at_ns");
  e.user_s = r.maybe_number("user_s").value_or(0);
  e.system_s = r.maybe_number("system_s").value_or(0);
  e.max_rss_kb = r.integer_or("max_rss_kb", 0);
  if (e.code.has_value() == e.signal.has_value()) {
    r.fail("code", "exactly one of code and signal must be there");
  }
  if (!r.ok()) {
    return r.error();
  }
  return e;
}

} // namespace gpujob
