// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/attempt.h"

#include "common/file.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::durable {

namespace {

constexpr std::int64_t k_version = 1;
constexpr std::size_t k_max_bytes = 16U << 20U;

Budgets read_budgets(json::Reader& outer) {
  const auto* j = outer.find("budgets");
  if (j == nullptr) {
    outer.fail("budgets", "is missing");
    return {};
  }
  json::Reader r(*j, "budgets");
  const auto count = [&](const char* key) { return r.integer_in(key, 0, k_max_number); };
  const Budgets b{count("interruptions"), count("failures"), count("no_progress")};
  if (!r.ok()) {
    outer.fail("budgets", r.error().text.c_str());
  }
  return b;
}

std::optional<int> read_exit(json::Reader& r) {
  const auto code = r.maybe_integer("exit");
  if (code && (*code < 0 || *code > 255)) {
    r.fail("exit", "is not an exit code");
  }
  return code ? std::optional(static_cast<int>(*code)) : std::nullopt;
}

Result<nlohmann::json> read_versioned(const std::string& path) {
  const auto text = read_file(path, k_max_bytes);
  if (!text) {
    return text.error();
  }
  auto j = json::parse(*text, path);
  if (!j) {
    return j;
  }
  json::Reader r(*j, path);
  if (r.integer("v") != k_version) {
    r.fail("v", "is not a version this program reads");
  }
  if (!r.ok()) {
    return r.error();
  }
  return j;
}

Result<void> write_json(const std::string& dir, const AttemptKey& key, const char* file,
                        nlohmann::json j) {
  j["v"] = k_version;
  j["job"] = key.job;
  j["attempt"] = key.attempt;
  j["session"] = key.session;
  return put_file(dir, attempt_dir(dir, key) + "/" + file, json::dump(j) + "\n");
}

} // namespace

nlohmann::json to_json(const Budgets& b) {
  return {
      {"interruptions", b.interruptions}, {"failures", b.failures}, {"no_progress", b.no_progress}};
}

nlohmann::json to_json(const End& e) {
  return {{"at_ns", e.at_ns},
          {"state", e.state},
          {"exit", e.exit ? nlohmann::json(*e.exit) : nlohmann::json()},
          {"reason", e.reason},
          {"budgets", to_json(e.budgets)}};
}

Result<Begin> begin_from_json(const nlohmann::json& j) {
  json::Reader r(j, "begin");
  Begin begin;
  begin.at_ns = to_ns(r.wall_time("at_ns"));
  begin.budgets = read_budgets(r);
  const auto* spec = r.find("spec");
  if (spec == nullptr) {
    r.fail("spec", "is missing");
  }
  if (!r.ok()) {
    return r.error();
  }
  auto read = job_spec_from_json(*spec);
  if (!read) {
    return Error{Errc::bad_data, read.error().text};
  }
  begin.spec = std::move(*read);
  return begin;
}

Result<End> end_from_json(const nlohmann::json& j) {
  json::Reader r(j, "end");
  End end;
  end.at_ns = to_ns(r.wall_time("at_ns"));
  end.state = r.text("state");
  end.exit = read_exit(r);
  end.reason = r.text_or("reason", "");
  end.budgets = read_budgets(r);
  if (!r.ok()) {
    return r.error();
  }
  return end;
}

Result<void> write_begin(const std::string& dir, const AttemptKey& key, const Begin& begin) {
  if (read_begin(attempt_dir(dir, key))) {
    return {}; // a daemon that was restarted says it again; the first word holds
  }
  return write_json(
      dir, key, name::k_spec,
      {{"at_ns", begin.at_ns}, {"spec", to_json(begin.spec)}, {"budgets", to_json(begin.budgets)}});
}

Result<void> write_end(const std::string& dir, const AttemptKey& key, const End& end) {
  return write_json(dir, key, name::k_end, to_json(end));
}

Result<Begin> read_begin(const std::string& attempt_dir) {
  auto j = read_versioned(attempt_dir + "/" + name::k_spec);
  if (!j) {
    return j.error();
  }
  return begin_from_json(*j);
}

Result<End> read_end(const std::string& attempt_dir) {
  auto j = read_versioned(attempt_dir + "/" + name::k_end);
  if (!j) {
    return j.error();
  }
  return end_from_json(*j);
}

} // namespace gpujob::durable
