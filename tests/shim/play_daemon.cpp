// SPDX-License-Identifier: Apache-2.0
#include "tests/shim/play_daemon.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/socket.h"
#include "tests/support/catch.h"
#include "tests/support/wait.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gpujob::test {

namespace {

constexpr const char* k_shim = GPUJOB_TEST_BIN_DIR "/gpujob-shim";

void end_children_of_the_case() {
  // The test is a subreaper while a case runs, so what a killed shim leaves comes to it.
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

} // namespace

BootTime boot_now() {
  return read_clocks().boot;
}

std::string quoted(const std::string& path) {
  return "'" + path + "'";
}

PlayDaemon::PlayDaemon() {
  REQUIRE(make_directories(dir()));
  launch.job_id = "j0000001";
  launch.job_name = "test";
  launch.attempt = 1;
  launch.link_socket = m_temp / "link.sock";
  launch.notify_socket = m_temp / "notify.sock";
  launch.env_set = {{"GPUJOB_JOB_ID", "j0000001"}};
  // Whatever goes wrong in a case, nothing of it runs on for long.
  launch.plan.kill_grace = std::chrono::milliseconds{500};
  cmdline.cwd = m_temp.path();
  cmdline.env = {"PATH=/usr/bin:/bin", "D=" + m_temp.path()};
}

PlayDaemon::~PlayDaemon() {
  if (m_pid > 0) {
    const int job = job_pid();
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
    if (job > 0) {
      ::kill(-job, SIGKILL);
    }
  }
  end_children_of_the_case();
}

void PlayDaemon::start(bool deaf) {
  start_with(encode_cmdline(cmdline), deaf);
}

void PlayDaemon::start_with(const std::string& sealed_bytes, bool deaf) {
  auto lock = lock_file(attempt(attempt_file::k_lock));
  REQUIRE(lock);
  REQUIRE(atomic_replace(attempt(attempt_file::k_launch), encode(launch)));
  auto sealed = make_sealed_memfd(sealed_bytes);
  REQUIRE(sealed);
  auto log_fd = open_file(attempt(attempt_file::k_shim_log), O_WRONLY | O_CREAT | O_APPEND);
  REQUIRE(log_fd);
  const std::string directory = dir();
  m_pid = ::fork();
  if (m_pid == 0) {
    ::setsid();
    if (deaf) {
      ::signal(SIGINT, SIG_IGN);
      ::signal(SIGQUIT, SIG_IGN);
    }
    ::dup2(sealed->get(), 0);
    ::dup2(lock->get(), 1);
    ::dup2(log_fd->get(), 2);
    ::execl(k_shim, k_shim, directory.c_str(), nullptr);
    ::_exit(99);
  }
  REQUIRE(m_pid > 0);
}

void PlayDaemon::wait_for(const std::function<bool()>& condition) const {
  const bool came = wait_until(condition);
  CAPTURE(log(), output());
  std::string lines;
  for (const auto& record : journal()) {
    lines += encode(record);
  }
  CAPTURE(lines);
  REQUIRE(came);
}

ExitRecord PlayDaemon::finish() {
  int status = -1;
  wait_for([&] { return ::waitpid(m_pid, &status, WNOHANG) == m_pid; });
  m_pid = -1;
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  const auto text = read_file(attempt(attempt_file::k_exit), 65536);
  CAPTURE(log());
  REQUIRE(text);
  auto record = decode_exit_record(*text);
  REQUIRE(record);
  CHECK(record->job_id == launch.job_id);
  CHECK(record->attempt == launch.attempt);
  return *record;
}

int PlayDaemon::job_pid() const {
  const auto text = read_file(attempt(attempt_file::k_start), 65536);
  const auto record = text ? decode_start_record(*text) : Result<StartRecord>(text.error());
  return record ? record->child_pid : 0;
}

std::string PlayDaemon::output() const {
  const auto text = read_file(attempt(attempt_file::k_output), 64U << 20U);
  return text ? *text : std::string();
}

std::string PlayDaemon::log() const {
  const auto text = read_file(attempt(attempt_file::k_shim_log), 1U << 20U);
  return text ? *text : std::string();
}

bool PlayDaemon::lock_is_free() const {
  const auto fd = open_file(attempt(attempt_file::k_lock), O_RDWR);
  return fd && ::flock(fd->get(), LOCK_EX | LOCK_NB) == 0;
}

std::vector<journal::Record> PlayDaemon::journal() const {
  std::vector<journal::Record> out;
  const auto text = read_file(attempt(attempt_file::k_journal), 64U << 20U);
  std::string rest = text ? *text : std::string();
  for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
    auto record = journal::decode(rest.substr(0, end));
    REQUIRE(record);
    out.push_back(*record);
    rest.erase(0, end + 1);
  }
  return out;
}

void PlayDaemon::await_file(const std::string& name) const {
  wait_for([&] { return ::access(in(name).c_str(), F_OK) == 0; });
}

PlayLink::PlayLink(const PlayDaemon& daemon, std::int64_t from) {
  wait_until([&] {
    auto fd = connect_unix(daemon.launch.link_socket);
    m_fd = fd ? std::move(*fd) : Fd{};
    return static_cast<bool>(m_fd);
  });
  REQUIRE(m_fd);
  send({{"op", "hello"}, {"v", 1}, {"from", from}});
  char buffer[65536];
  auto got = receive_with_fds(m_fd.get(), buffer, sizeof buffer);
  REQUIRE(got);
  REQUIRE(got->fds.size() == 1);
  memfd = std::move(got->fds.front());
  REQUIRE(m_frames.feed({buffer, got->bytes}));
  hello = next().value_or(nlohmann::json());
}

void PlayLink::send(const nlohmann::json& line) {
  send_raw(json::dump(line) + "\n");
}

void PlayLink::send_raw(const std::string& bytes) {
  // The shim may have dropped us already; what comes of it is checked by reading.
  (void)send_with_fd(m_fd.get(), bytes, -1);
}

std::optional<nlohmann::json> PlayLink::next() {
  for (;;) {
    if (auto line = m_frames.next()) {
      auto j = json::parse(*line, "link");
      REQUIRE(j);
      return *j;
    }
    pollfd fd{m_fd.get(), POLLIN, 0};
    REQUIRE(::poll(&fd, 1, 30000) == 1);
    char buffer[65536];
    const ssize_t n = ::read(m_fd.get(), buffer, sizeof buffer);
    if (n <= 0) {
      return std::nullopt;
    }
    REQUIRE(m_frames.feed({buffer, static_cast<std::size_t>(n)}));
  }
}

std::string PlayLink::next_kind() {
  const auto line = next();
  return line ? std::to_string((*line)["seq"].get<int>()) + " " + (*line)["kind"].get<std::string>()
              : "end";
}

} // namespace gpujob::test
