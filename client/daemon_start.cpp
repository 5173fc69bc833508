// SPDX-License-Identifier: Apache-2.0
#include "client/daemon_start.h"

#include "client/environment.h"
#include "client/errors.h"
#include "client/output.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

/// The daemon itself gives a durable directory 20 s to open and 60 s to be read.
constexpr auto k_meet_timeout = std::chrono::seconds{100};
/// Inside a job: its shim brings a dead daemon back within 2 s.
constexpr auto k_revive_timeout = std::chrono::seconds{10};
/// When to tell people what they are waiting for.
constexpr auto k_patience = std::chrono::seconds{5};
constexpr int k_ready_fd = 3;

constexpr int k_look_ms = 50;

/// A wait that ends some time, and that says after a while what it is for.
class Patience {
public:
  explicit Patience(const char* what_for, Duration limit = k_meet_timeout)
      : m_what_for(what_for), m_limit(limit) {}

  /// False when it has lasted long enough.
  bool wait_on() {
    const auto waited = read_clocks().boot - m_since;
    if (waited > k_patience && !m_said) {
      m_said = true;
      note(m_what_for);
    }
    return waited < m_limit;
  }

private:
  const char* m_what_for;
  Duration m_limit;
  BootTime m_since = read_clocks().boot;
  bool m_said = false;
};

/// gpujobd beside this program, else on PATH.
Result<std::string> find_gpujobd(const std::vector<std::string>& environment) {
  std::array<char, 4096> self{};
  const auto length = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  std::vector<std::string> dirs;
  if (length > 0) {
    const std::string path(self.data(), static_cast<std::size_t>(length));
    dirs.push_back(path.substr(0, path.find_last_of('/')));
  }
  std::string path(value_of(environment, "PATH"));
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    dirs.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  for (const auto& dir : dirs) {
    auto candidate = dir + "/gpujobd";
    // A relative entry of PATH would start whatever lies in the current directory.
    if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return Error{Errc::io, "daemon: gpujobd: neither beside gpujob nor on PATH: reinstall gpujob"};
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (auto& s : strings) {
    out.push_back(s.data());
  }
  out.push_back(nullptr);
  return out;
}

/// Owns what posix_spawn(3) wants prepared: /dev/null on 0..2, the ready pipe on 3, nothing above,
/// a session of its own, default signals, an empty mask.
class SpawnPlan {
public:
  explicit SpawnPlan(int ready_fd) {
    ::posix_spawn_file_actions_init(&m_actions);
    ::posix_spawnattr_init(&m_attributes);
    for (int fd = 0; fd < k_ready_fd; ++fd) {
      ::posix_spawn_file_actions_addopen(&m_actions, fd, "/dev/null", O_RDWR, 0);
    }
    ::posix_spawn_file_actions_adddup2(&m_actions, ready_fd, k_ready_fd);
    ::posix_spawn_file_actions_addclosefrom_np(&m_actions, k_ready_fd + 1);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&m_attributes, &none);
    ::posix_spawnattr_setsigdefault(&m_attributes, &all);
    ::posix_spawnattr_setflags(&m_attributes,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&m_actions);
    ::posix_spawnattr_destroy(&m_attributes);
  }

  /// errno's number, 0 when it runs.
  int spawn(const std::string& program, std::vector<std::string> arguments,
            std::vector<std::string> environment) {
    auto argv = pointers(arguments);
    auto envp = pointers(environment);
    pid_t pid = 0;
    return ::posix_spawn(&pid, program.c_str(), &m_actions, &m_attributes, argv.data(),
                         envp.data());
  }

private:
  posix_spawn_file_actions_t m_actions{};
  posix_spawnattr_t m_attributes{};
};

/// What the daemon writes when it listens, or when it cannot: one line, then end of file.
Result<std::string> read_ready_line(int fd) {
  Patience patience("waiting for the daemon to start; it looks at the durable directory first");
  std::string line;
  while (line.find('\n') == std::string::npos) {
    pollfd entry{fd, POLLIN, 0};
    const int rc = ::poll(&entry, 1, k_look_ms);
    if (rc == 0 && patience.wait_on()) {
      continue;
    }
    if (rc == 0) {
      return Error{Errc::unreachable,
                   "daemon: start: not ready in time: see daemon.log in its state directory"};
    }
    std::array<char, 4096> buffer{};
    const auto n = rc < 0 ? rc : ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return Error{Errc::unreachable, "daemon: start: it ended without a word: run gpujobd in the "
                                      "foreground to see why"};
    }
    line.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return line;
}

/// The daemon's pid, or its own error.
Result<int> parse_ready_line(const std::string& line) {
  auto document = json::parse(line, "daemon: ready line");
  if (!document) {
    return document.error();
  }
  json::Reader reader(*document, "daemon: ready line");
  if (reader.boolean_or("ok", false)) {
    const auto pid = reader.integer("pid");
    return reader.ok() ? Result<int>(static_cast<int>(pid)) : Result<int>(reader.error());
  }
  auto text = reader.text_or("error", "daemon: start: refused without a reason: see its log");
  return Error{errc_from_text(reader.text_or("errc", "refused")), std::move(text)};
}

Result<int> start_daemon(const Endpoint& endpoint, const std::vector<std::string>& arguments) {
  const auto environment = own_environment();
  auto program = find_gpujobd(environment);
  if (!program) {
    return program.error();
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return io_error("pipe", "daemon start", errno);
  }
  const Fd reader{ends[0]};
  Fd writer{ends[1]};
  std::vector<std::string> argv{*program, "--background", "--ready-fd", std::to_string(k_ready_fd)};
  if (endpoint.origin == "flag") {
    argv.insert(argv.end(), {"--runtime", endpoint.runtime.dir});
  }
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  // It is our child until we end, and an attached run may outlive it: no zombie must be left.
  ::signal(SIGCHLD, SIG_IGN);
  const int failed =
      SpawnPlan(writer.get()).spawn(*program, std::move(argv), without_job_variables(environment));
  writer.reset();
  if (failed != 0) {
    return io_error("execute", *program, failed);
  }
  auto line = read_ready_line(reader.get());
  return line ? parse_ready_line(*line) : Result<int>(line.error());
}

/// Whether a daemon holds the lock. Ours is shared and gone at once, so it only ever delays one
/// that starts at this very moment, and that one is then started again.
bool another_daemon_lives(const RuntimePaths& runtime) {
  const Fd lock{::open(runtime.lock().c_str(), O_RDONLY | O_CLOEXEC)};
  return lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

void sleep_a_moment() {
  ::poll(nullptr, 0, 50);
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
    auto pid = start_daemon(endpoint, arguments);
    if (pid) {
      note(fmt::format("started the daemon (pid {})", *pid));
      started = true;
      continue;
    }
    // Refused for the lock's sake: its holder is another client's daemon, or one about to end.
    const bool beaten = pid.error().code == Errc::refused &&
                        (another_daemon_lives(endpoint.runtime) || ++refusals < 2);
    if (!beaten || late) {
      return pid.error();
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
