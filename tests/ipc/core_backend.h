// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/ipc/backend.h"
#include "daemon/policy/core.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gpujob::test {

/// The core without disk and shims: submit() applies, decides and answers at once.
struct CoreBackend final : ipc::Backend {
  policy::World w;
  StatePaths paths{"/state"};
  Now at{boot_from_ns(1'000'000'000'000), wall_from_ns(1'790'000'000'000'000'000)};
  std::map<policy::JobId, Fd> lines;
  std::optional<std::string> holder;
  Result<void> durable{};
  bool stopped = false;
  std::string said;
  std::map<std::string, std::string> limits;
  std::vector<policy::JobId> removed;
  std::vector<policy::StoredOccurrence> kept_events;
  std::vector<policy::StoredAttempt> kept_attempts;
  std::vector<SessionUse> kept_uses;

  [[nodiscard]] const policy::World& world() const override { return w; }
  [[nodiscard]] Now now() const override { return at; }
  [[nodiscard]] const StatePaths& state_paths() const override { return paths; }
  void submit(std::vector<policy::Event> events, std::function<void()> committed) override {
    for (const auto& event : events) {
      step(event);
    }
    committed();
  }
  void step(const policy::Event& event) {
    policy::apply(w, event, at);
    policy::intend(w, policy::decide(w, at), at);
  }
  bool hold_command_line(const policy::JobId& id, Fd line) override {
    lines[id] = std::move(line);
    return true;
  }
  [[nodiscard]] std::size_t command_lines() const override { return lines.size(); }
  void refresh_from_durable(std::function<void(Result<void>)> done) override { done(durable); }
  [[nodiscard]] std::optional<std::string> lease_holder(const policy::JobId&) const override {
    return holder;
  }
  [[nodiscard]] nlohmann::json session_view() const override { return {{"platform", "generic"}}; }
  [[nodiscard]] nlohmann::json status_view() const override { return {{"pid", 1}}; }
  [[nodiscard]] Result<nlohmann::json> gpu_view(const ipc::GpuQuery& query) const override {
    return nlohmann::json{{"history_s", query.history ? to_seconds(*query.history) : 0},
                          {"gpu", query.gpu},
                          {"cursor", query.cursor}};
  }
  [[nodiscard]] Result<nlohmann::json>
  gpu_snapshots(const ipc::GpuSnapshotsQuery& query) const override {
    return nlohmann::json{{"job", query.job.value_or("all")}, {"cursor", query.cursor}};
  }
  Result<std::vector<policy::StoredOccurrence>> events(std::optional<WallTime>, std::int64_t after,
                                                       int most) override {
    return after_of(kept_events, after, most);
  }
  Result<std::vector<policy::StoredAttempt>> attempts(std::optional<WallTime>, std::int64_t after,
                                                      int most) override {
    return after_of(kept_attempts, after, most);
  }
  template <typename Rows>
  static Rows after_of(const Rows& rows, std::int64_t after, int most) {
    Rows out;
    for (const auto& row : rows) {
      if (row.seq > after && static_cast<int>(out.size()) < most) {
        out.push_back(row);
      }
    }
    return out;
  }
  [[nodiscard]] std::vector<SessionUse> uses(std::optional<WallTime>) const override {
    return kept_uses;
  }
  Result<void> give_notice(std::optional<Duration> in, const std::string& text) override {
    said += text + (in ? " in " + std::to_string(to_seconds(*in)) : "");
    return durable;
  }
  void cancel_notice() override { said += "cancelled"; }
  Result<void> set_limits(const std::map<std::string, std::string>& values) override {
    limits = values;
    return durable;
  }
  void say(const nlohmann::json& entries, const std::string& by,
           std::function<void(Result<std::string>)> done) override {
    said += by + " " + entries.dump();
    done(durable ? Result<std::string>("/kept") : durable.error());
  }
  Result<void> stop_daemon() override {
    stopped = true;
    return {};
  }
  void remove_files(const policy::JobId& id) override { removed.push_back(id); }
};

} // namespace gpujob::test
