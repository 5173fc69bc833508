// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "daemon/durable/helper.h"
#include "tests/common/samples.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace gpujob::test {

using json::Json;

/// One VM with a durable directory, spoken to as the daemon speaks to its helper.
class World {
public:
  World() {
    std::filesystem::create_directories(durable());
    std::filesystem::create_directories(ckpt());
  }

  [[nodiscard]] std::string durable() const { return m_dir / "durable"; }
  [[nodiscard]] std::string ckpt() const { return m_dir / "ckpt"; }
  [[nodiscard]] std::string manifest(int seq) const {
    return m_dir / ("manifests/1-" + std::to_string(seq) + ".json");
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return m_dir / name; }

  [[nodiscard]] static Json ask(const Json& request) {
    return Json::parse(durable::handle_request(request.dump()));
  }
  [[nodiscard]] static Json ask_well(const Json& request) {
    auto reply = ask(request);
    INFO(reply.dump());
    REQUIRE(reply["ok"] == true);
    return reply;
  }

  [[nodiscard]] Json begin_request(int attempt = 1, const std::string& session = "s1") const {
    return {{"op", "begin"},
            {"dir", durable()},
            {"job", "job1"},
            {"attempt", attempt},
            {"session", session},
            {"at_ns", attempt * 1000},
            {"spec", spec()},
            {"budgets", {{"interruptions", attempt}, {"failures", 0}, {"no_progress", 0}}}};
  }
  [[nodiscard]] Json secure_request(const std::string& path, int seq, int attempt = 1,
                                    const std::string& session = "s1") const {
    return {{"op", "secure"},     {"job", "job1"},     {"attempt", attempt},
            {"session", session}, {"seq", seq},        {"path", path},
            {"how", "notify"},    {"step", seq * 100}, {"at_ns", attempt * 1000 + seq},
            {"dir", durable()},   {"level", "stored"}, {"manifest", manifest(seq)},
            {"keep", 2}};
  }
  /// Writes `name` with `tensor` in GPUJOB_CKPT_DIR and secures it; the reply.
  Json save(const std::string& name, int seq, const std::string& tensor, int attempt = 1,
            const std::string& session = "s1") {
    put(ckpt() + "/" + name, torch_file(tensor));
    return ask_well(secure_request(ckpt() + "/" + name, seq, attempt, session));
  }
  [[nodiscard]] Json scan() const { return ask_well({{"op", "scan"}, {"dirs", {durable()}}}); }
  /// The durable checkpoints of job1 in order, as `scan` gives them.
  [[nodiscard]] std::vector<Json> stored() const {
    std::vector<Json> out;
    const auto reply = scan();
    for (const auto& job : reply["jobs"]) {
      for (const auto& attempt : job["attempts"]) {
        out.insert(out.end(), attempt["checkpoints"].begin(), attempt["checkpoints"].end());
      }
    }
    return out;
  }
  [[nodiscard]] std::string checkpoint_dir(int seq, int attempt = 1,
                                           const std::string& session = "s1") const {
    return durable() + "/jobs/job1/attempts/" + std::to_string(attempt) + "-" + session +
           "/checkpoints/" + std::to_string(seq);
  }

  static Json spec() {
    return Json::parse(R"({"name":"vit","argv":["python"],"cwd":"/","env_set":[],"env_names":[],
      "checkpoint_signal":"auto","checkpoint_target":"auto","checkpoint_path":[],"resume_arg":"",
      "done_when":"","max_interruptions":-1,"max_failures":0,"max_no_progress":3})");
  }

private:
  TempDir m_dir;
};

} // namespace gpujob::test
