// SPDX-License-Identifier: Apache-2.0
#include "client/daemon_start.h"

#include "client/daemon_spawn.h"
#include "client/environment.h"
#include "client/output.h"
#include "client/patience.h"
#include "common/clock.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <poll.h>
#include <sys/file.h>

namespace gpujob::client {

namespace {

/// Inside a job: its shim brings a dead daemon back within 2 s.
constexpr Duration k_revive_timeout = std::chrono::seconds{10};
constexpr int k_look_ms = 50;

/// Whether a daemon holds the lock. Ours is shared and gone at once, so it only ever delays one
/// that starts at this very moment, and that one is then started again.
bool another_daemon_lives(const RuntimePaths& runtime) {
  const Fd lock{::open(runtime.lock().c_str(), O_RDONLY | O_CLOEXEC)};
  return lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

void sleep_a_moment() {
  ::poll(nullptr, 0, k_look_ms);
}

Error not_running(const Endpoint& endpoint) {
  return Error{Errc::unreachable, fmt::format("daemon: not running: nobody listens on {}: gpujob "
                                              "daemon start starts it",
                                              endpoint.runtime.socket())};
}

/// Nobody there, or gone before it said hello: nullopt. Other errors stay errors.
Result<std::optional<Connection>> try_connect(const Endpoint& endpoint) {
  const auto asked = read_clocks().boot;
  auto socket = connect_daemon(endpoint.runtime.socket());
  auto connection =
      socket ? Connection::greet(std::move(*socket)) : Result<Connection>(socket.error());
  if (connection) {
    return std::optional(std::move(*connection));
  }
  const bool hangs = read_clocks().boot - asked >= k_hello_timeout;
  if (connection.error().code != Errc::unreachable || hangs) {
    return connection.error();
  }
  return std::optional<Connection>{};
}

/// Inside a job its shim brings the daemon back; we only wait for that.
bool must_wait(const Endpoint& endpoint) {
  return !endpoint.may_start || another_daemon_lives(endpoint.runtime);
}

} // namespace

Result<Reached> reach_or_start(const Endpoint& endpoint,
                               const std::vector<std::string>& arguments) {
  Patience patience("waiting for a daemon that another gpujob starts, or that is stopping",
                    endpoint.may_start ? k_meet_timeout : k_revive_timeout);
  bool started = false;
  for (int refusals = 0;;) {
    auto connection = try_connect(endpoint);
    if (!connection) {
      return connection.error();
    }
    if (*connection) {
      return Reached{std::move(**connection), started};
    }
    const bool late = !patience.wait_on();
    if (late && (started || !endpoint.may_start)) {
      return not_running(endpoint);
    }
    if (must_wait(endpoint) && !late) {
      sleep_a_moment();
      continue;
    }
    auto spawned = spawn_daemon(endpoint, arguments);
    if (spawned) {
      note(fmt::format("started the daemon (pid {})", spawned->pid));
      for (const auto& text : spawned->notes) {
        note(text);
      }
      started = true;
      continue;
    }
    // Refused for the lock's sake: its holder is another client's daemon, or one about to end.
    const bool beaten = spawned.error().code == Errc::refused &&
                        (another_daemon_lives(endpoint.runtime) || ++refusals < 2);
    if (!beaten || late) {
      return spawned.error();
    }
    sleep_a_moment();
  }
}

Result<Connection> reach_daemon() {
  const auto endpoint = locate_daemon(own_environment());
  if (!endpoint) {
    return endpoint.error();
  }
  auto reached = reach_or_start(*endpoint, {});
  if (!reached) {
    return reached.error();
  }
  return std::move(reached->connection);
}

Result<Connection> reach_running_daemon() {
  const auto endpoint = locate_daemon(own_environment());
  if (!endpoint) {
    return endpoint.error();
  }
  auto socket = connect_daemon(endpoint->runtime.socket());
  if (!socket) {
    return socket.error().code == Errc::unreachable ? not_running(*endpoint) : socket.error();
  }
  return Connection::greet(std::move(*socket));
}

} // namespace gpujob::client
