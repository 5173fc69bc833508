// SPDX-License-Identifier: Apache-2.0
#include "common/launch.h"

#include "common/json.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace gpujob {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

nlohmann::json from_pairs(const Pairs& pairs) {
  auto out = nlohmann::json::array();
  for (const auto& [name, value] : pairs) {
    out.push_back(json::from_bytes(name + "=" + value));
  }
  return out;
}

Pairs read_pairs(json::Reader& r, const char* key) {
  Pairs out;
  for (const auto& entry : r.bytes_list(key)) {
    const auto eq = entry.find('=');
    if (eq == std::string::npos || eq == 0) {
      r.fail(key, "is not a list of NAME=value");
      return {};
    }
    out.emplace_back(entry.substr(0, eq), entry.substr(eq + 1));
  }
  return out;
}

std::optional<Revive> read_revive(json::Reader& outer) {
  const auto* j = outer.find("revive");
  if (j == nullptr) {
    return std::nullopt;
  }
  json::Reader r(*j, "launch: revive");
  Revive revive{r.bytes("exe"), r.bytes_list("args"), r.bytes("lock"), r.bytes("stop_marker")};
  if (!r.ok()) {
    outer.fail("revive", r.error().text.c_str());
    return std::nullopt;
  }
  return revive;
}

} // namespace

std::string encode(const Launch& l) {
  nlohmann::json j{{"v", 1},
                   {"job_id", l.job_id},
                   {"job_name", l.job_name},
                   {"attempt", l.attempt},
                   {"argv_append", json::from_bytes_list(l.argv_append)},
                   {"env_set", from_pairs(l.env_set)},
                   {"env_default", from_pairs(l.env_default)},
                   {"link_socket", json::from_bytes(l.link_socket)},
                   {"notify_socket", json::from_bytes(l.notify_socket)},
                   {"checkpoint_signal", l.checkpoint_signal},
                   {"checkpoint_target", l.checkpoint_target},
                   {"checkpoint_cmd", json::from_bytes(l.checkpoint_cmd)},
                   {"checkpoint_copy", json::from_bytes_list(l.checkpoint_copy)},
                   {"recipe", l.recipe},
                   {"checkpoint_dir", json::from_bytes(l.checkpoint_dir)},
                   {"resume_from", json::from_bytes(l.resume_from)},
                   {"longest_save_ns", l.longest_save.count()},
                   {"done_when", json::from_bytes(l.done_when)},
                   {"log_max_bytes", l.log_max_bytes},
                   {"keep_tree", l.keep_tree},
                   {"plan", to_json(l.plan)}};
  if (l.revive) {
    j["revive"] = {{"exe", json::from_bytes(l.revive->exe)},
                   {"args", json::from_bytes_list(l.revive->args)},
                   {"lock", json::from_bytes(l.revive->lock)},
                   {"stop_marker", json::from_bytes(l.revive->stop_marker)}};
  }
  if (!l.gpus.empty()) {
    j["gpus"] = from_pairs(l.gpus);
  }
  if (l.spec) {
    j["spec"] = to_json(*l.spec);
  }
  return json::dump(j) + "\n";
}

Result<Launch> decode_launch(std::string_view text) {
  auto j = json::parse(text, "launch");
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "launch");
  if (r.integer("v") != 1) {
    r.fail("v", "is not a version this program reads");
  }
  Launch l;
  l.job_id = r.text("job_id");
  l.job_name = r.text("job_name");
  const auto attempt = r.integer("attempt");
  if (attempt < 0 || attempt > std::numeric_limits<int>::max()) {
    r.fail("attempt", "is out of range");
  }
  l.attempt = static_cast<int>(attempt);
  l.argv_append = r.bytes_list("argv_append");
  l.env_set = read_pairs(r, "env_set");
  l.env_default = read_pairs(r, "env_default");
  l.link_socket = r.bytes("link_socket");
  l.notify_socket = r.bytes("notify_socket");
  l.checkpoint_signal = r.text("checkpoint_signal");
  l.checkpoint_target = r.text("checkpoint_target");
  if (r.find("checkpoint_cmd") != nullptr) { // a shim older than this daemon has none of these
    l.checkpoint_cmd = r.bytes("checkpoint_cmd");
    l.checkpoint_copy = r.bytes_list("checkpoint_copy");
    l.recipe = r.text("recipe");
    l.checkpoint_dir = r.bytes("checkpoint_dir");
    l.resume_from = r.bytes("resume_from");
    l.longest_save = r.span("longest_save_ns");
  }
  l.done_when = r.bytes("done_when");
  l.log_max_bytes = r.integer("log_max_bytes");
  l.keep_tree = r.boolean_or("keep_tree", false);
  l.revive = read_revive(r);
  if (r.find("gpus") != nullptr) {
    l.gpus = read_pairs(r, "gpus");
  }
  if (const auto* spec = r.find("spec")) {
    auto read = job_spec_from_json(*spec);
    l.spec = read ? std::optional(std::move(*read)) : std::nullopt;
  }
  if (const auto* plan = r.find("plan")) {
    auto read = plan_from_json(*plan);
    if (!read) {
      return read.error();
    }
    l.plan = *read;
  } else {
    r.fail("plan", "is missing");
  }
  if (!r.ok()) {
    return r.error();
  }
  return l;
}

} // namespace gpujob
