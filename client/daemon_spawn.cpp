// SPDX-License-Identifier: Apache-2.0
#include "client/daemon_spawn.h"

#include "client/environment.h"
#include "client/patience.h"
#include "common/errc.h"
#include "common/fd.h"
#include "common/json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

constexpr int k_ready_fd = 3;
constexpr int k_look_ms = 50;

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

} // namespace

Result<SpawnedDaemon> parse_ready_line(const std::string& line) {
  auto document = json::parse(line, "daemon: ready line");
  if (!document) {
    return document.error();
  }
  json::Reader reader(*document, "daemon: ready line");
  if (reader.boolean_or("ok", false)) {
    SpawnedDaemon daemon{static_cast<int>(reader.integer("pid")), reader.texts_or_empty("notes")};
    return reader.ok() ? Result<SpawnedDaemon>(std::move(daemon))
                       : Result<SpawnedDaemon>(reader.error());
  }
  auto text = reader.text_or("error", "daemon: start: refused without a reason: see its log");
  return Error{errc_from_text(reader.text_or("errc", "refused")), std::move(text)};
}

Result<SpawnedDaemon> spawn_daemon(const Endpoint& endpoint,
                                   const std::vector<std::string>& arguments) {
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
  return line ? parse_ready_line(*line) : Result<SpawnedDaemon>(line.error());
}

} // namespace gpujob::client
