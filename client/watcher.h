// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/connection.h"
#include "client/interrupts.h"
#include "client/views/job.h"
#include "common/result.h"
#include "common/time.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::client {

/// How often to call Watcher::update() while there is no daemon.
constexpr int k_look_ms = 100;

/// One job as the daemon tells of it, through the death and return of daemons.
class Watcher {
public:
  /// Watches `job` on a connection of its own.
  static Result<Watcher> start(Connection connection, const std::string& job);

  [[nodiscard]] const JobView& view() const { return m_view; }
  [[nodiscard]] Connection& connection() { return *m_connection; }

  /// Readable when update() has more to take; -1 while there is no daemon.
  [[nodiscard]] int fd() const { return m_connection ? m_connection->fd() : -1; }
  [[nodiscard]] bool connected() const { return m_connection.has_value(); }

  /// Never waits: takes what has come, or looks for a daemon again. Returns what was said for
  /// people. Belongs before every poll: an answer may have brought notifications with it.
  /// Errc::unreachable when no daemon came back for 15 s.
  Result<std::vector<std::string>> update();

private:
  Watcher(Connection connection, JobView view)
      : m_connection(std::move(connection)), m_view(std::move(view)) {}
  Result<std::vector<std::string>> take_notifications();
  Result<void> come_back();
  Result<void> adopt(Connection connection);

  std::optional<Connection> m_connection;
  JobView m_view;
  BootTime m_gone_since{};
  bool m_said_gone = false;
};

/// Waits until `enough` holds for the job's view; what the daemon says meanwhile goes to stderr.
/// False when a signal ended the wait.
Result<bool> watch_until(Watcher& watcher, Interrupts& interrupts,
                         const std::function<bool(const JobView&)>& enough);

} // namespace gpujob::client
