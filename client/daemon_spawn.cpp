// SPDX-License-Identifier: Apache-2.0
#include "client/daemon_spawn.h"

#include "client/environment.h"
#include "client/patience.h"
#include "client/spawn_plan.h"
#include "common/errc.h"
#include "common/error_words.h"
#include "common/fd.h"
#include "common/json.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

constexpr int k_ready_fd = 3;
constexpr int k_ready_look_ms = 50;

/// What the daemon writes when it listens, or when it cannot: one line, then end of file.
Result<std::string> read_ready_line(int fd) {
  Patience patience("waiting for the daemon to start; it looks at the durable directory first");
  std::string line;
  while (line.find('\n') == std::string::npos) {
    pollfd entry{fd, POLLIN, 0};
    const int rc = ::poll(&entry, 1, k_ready_look_ms);
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

Result<std::string> find_own_program(const std::string& name, const std::string& what_for,
                                     const std::vector<std::string>& environment) {
  std::array<char, 4096> self{};
  const auto length = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  std::vector<std::string> dirs;
  if (length > 0 && self[0] == '/') { // "(unreachable)/..." when it lies outside our root
    const std::string path(self.data(), static_cast<std::size_t>(length));
    dirs.push_back(path.substr(0, path.find_last_of('/')));
  }
  const auto on_path = path_dirs(environment);
  dirs.insert(dirs.end(), on_path.begin(), on_path.end());
  for (const auto& dir : dirs) {
    auto candidate = dir + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return Error{Errc::io,
               what_for + ": " + name + ": neither beside gpujob nor on PATH: reinstall gpujob"};
}

Result<std::string> find_gpujobd(const std::vector<std::string>& environment) {
  return find_own_program("gpujobd", "daemon", environment);
}

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
  auto text =
      json::error_words(*document, "error", "daemon: start: refused without a reason: see its log");
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
  SpawnPlan plan(SpawnPlan::Own::session);
  plan.give(writer.get(), k_ready_fd);
  pid_t pid = 0;
  const int failed = plan.spawn(*program, std::move(argv), without_job_variables(environment), pid);
  writer.reset();
  if (failed != 0) {
    return io_error("execute", *program, failed);
  }
  auto line = read_ready_line(reader.get());
  return line ? parse_ready_line(*line) : Result<SpawnedDaemon>(line.error());
}

} // namespace gpujob::client
