// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/paths.h"
#include "common/result.h"
#include "daemon/ipc/gpu_query.h"
#include "daemon/policy/event.h"
#include "daemon/policy/records.h"
#include "daemon/policy/world.h"

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::ipc {

/// What the verbs need of the loop. Implemented by App, so that this room knows neither the
/// database nor the shims.
class Backend {
public:
  virtual ~Backend() = default;

  [[nodiscard]] virtual const policy::World& world() const = 0;
  [[nodiscard]] virtual Now now() const = 0;
  [[nodiscard]] virtual const StatePaths& state_paths() const = 0;

  /// Applies the events in the next wake-up and calls `committed` after its transaction, before
  /// anything is performed.
  virtual void submit(std::vector<policy::Event> events, std::function<void()> committed) = 0;

  /// Keeps the job's sealed command line until it has started for the last time. False, and nothing
  /// is kept: another client's line for it waits for the next wake-up already.
  virtual bool hold_command_line(const policy::JobId& id, Fd command_line) = 0;
  /// How many are kept; each is a descriptor.
  [[nodiscard]] virtual std::size_t command_lines() const = 0;

  /// Reads again what other sessions left in the durable directory, then calls back. Calls back at
  /// once when there is none.
  virtual void refresh_from_durable(std::function<void(Result<void>)> done) = 0;

  /// Who else seems to run this job now, in words; nullopt: nobody.
  [[nodiscard]] virtual std::optional<std::string> lease_holder(const policy::JobId& id) const = 0;

  [[nodiscard]] virtual nlohmann::json session_view() const = 0;
  [[nodiscard]] virtual nlohmann::json status_view() const = 0;

  /// The answers to `gpu` and `gpu.snapshots`, a page at a time.
  [[nodiscard]] virtual Result<nlohmann::json> gpu_view(const GpuQuery& query) const = 0;
  [[nodiscard]] virtual Result<nlohmann::json>
  gpu_snapshots(const GpuSnapshotsQuery& query) const = 0;

  /// What happened, and what each run was worth: from `since` on, after the one numbered `after`.
  virtual Result<std::vector<policy::StoredOccurrence>> events(std::optional<WallTime> since,
                                                               std::int64_t after, int most) = 0;
  virtual Result<std::vector<policy::StoredAttempt>> attempts(std::optional<WallTime> since,
                                                              std::int64_t after, int most) = 0;
  /// When sessions of this platform, this one among them, have held what; by begin.
  struct SessionUse {
    std::string resource;
    WallTime begin{}, end{};
  };
  [[nodiscard]] virtual std::vector<SessionUse> uses(std::optional<WallTime> since) const = 0;

  /// The session ends after so long (nullopt: what the platform gives), says whoever knows.
  virtual Result<void> give_notice(std::optional<Duration> in, const std::string& text) = 0;
  virtual void cancel_notice() = 0;

  /// `gpujob limits set`.
  virtual Result<void> set_limits(const std::map<std::string, std::string>& values) = 0;

  /// Keeps what somebody says of quotas (ARCHITECTURE.md, `quota.say`), in the durable directory
  /// where there is one; then calls back with where it is kept. Nothing is kept of a list of which
  /// one entry is wrong.
  virtual void say(const nlohmann::json& entries, const std::string& by,
                   std::function<void(Result<std::string>)> done) = 0;

  /// `gpujob daemon stop`: remembered, then the loop ends.
  virtual Result<void> stop_daemon() = 0;

  /// The job's files on this machine, after its row is gone.
  virtual void remove_files(const policy::JobId& id) = 0;
};

} // namespace gpujob::ipc
