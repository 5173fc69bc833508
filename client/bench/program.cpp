// SPDX-License-Identifier: Apache-2.0
#include "client/bench/program.h"

#include "client/environment.h"
#include "client/interrupts.h"
#include "client/patience.h"
#include "client/spawn_plan.h"
#include "common/fd.h"
#include "common/file.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace gpujob::client {

namespace {

constexpr std::size_t k_most_complaints = 4096;
constexpr int k_look_ms = 50;
/// SIGKILL waits for a process that is deep in a driver; we do not wait for it for ever.
constexpr int k_dying_ms = 1000;

Error system_reason(int number) {
  return {Errc::io, std::generic_category().message(number)};
}

/// A child with a process group of its own, whose end is the end of all in that group.
class Child {
public:
  explicit Child(pid_t pid)
      : m_pid(pid), m_end(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { (void)finish(); }

  [[nodiscard]] int end_fd() const { return m_end.get(); }

  /// Kills what is left; its exit code.
  int finish() {
    if (m_pid == 0) {
      return m_code;
    }
    // Not yet waited for, so the number is still its group's.
    ::kill(-m_pid, SIGKILL);
    pollfd end{m_end.get(), POLLIN, 0};
    ::poll(&end, 1, k_dying_ms);
    int status = 0;
    if (::waitpid(m_pid, &status, WNOHANG) == m_pid) {
      m_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    m_pid = 0;
    return m_code;
  }

private:
  pid_t m_pid;
  Fd m_end;
  int m_code = 128 + SIGKILL;
};

/// What is there and fits, without waiting; closes it at its end.
void take(Fd& fd, std::string& into, std::size_t room) {
  std::array<char, 4096> buffer{};
  while (fd && into.size() < room) {
    const auto n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(n));
    } else if (n == 0) {
      fd.reset();
    } else if (errno != EINTR) {
      return;
    }
  }
}

/// A pipe from the child to us.
struct Pipe {
  Fd ours, childs;

  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      return false;
    }
    ours.reset(ends[0]);
    childs.reset(ends[1]);
    return ::fcntl(ours.get(), F_SETFL, O_NONBLOCK) == 0;
  }
};

class Listener {
public:
  Listener(Fd output, Fd complaints)
      : m_output(std::move(output)), m_complaints(std::move(complaints)) {}

  ProgramRun::End listen(const Child& child, Interrupts& interrupts, Duration limit);
  void take_rest() {
    take(m_output, m_run.output, k_most_output + 1);
    take(m_complaints, m_run.complaints, 2 * k_most_complaints);
    if (const auto size = m_run.complaints.size(); size > k_most_complaints) {
      m_run.complaints.erase(0, size - k_most_complaints);
    }
  }
  ProgramRun run() { return std::move(m_run); }
  [[nodiscard]] bool said_too_much() const { return m_run.output.size() > k_most_output; }

private:
  Fd m_output, m_complaints;
  ProgramRun m_run;
};

ProgramRun::End Listener::listen(const Child& child, Interrupts& interrupts, Duration limit) {
  Patience patience("waiting for Python, which loads PyTorch and measures", limit);
  for (;;) {
    std::array<pollfd, 4> entries{{{m_output.get(), POLLIN, 0},
                                   {m_complaints.get(), POLLIN, 0},
                                   {child.end_fd(), POLLIN, 0},
                                   {interrupts.fd(), POLLIN, 0}}};
    ::poll(entries.data(), entries.size(), k_look_ms);
    take_rest();
    if (said_too_much()) {
      return ProgramRun::End::too_much;
    }
    if (interrupts.take()) {
      return ProgramRun::End::interrupted;
    }
    if (entries[2].revents != 0) {
      return ProgramRun::End::exited;
    }
    if (!patience.wait_on()) {
      return ProgramRun::End::too_slow;
    }
  }
}

/// A file without a name that holds it, from its start. Not an Fd when it cannot be had.
Fd holding(std::string_view input) {
  Fd file(::memfd_create("input", MFD_CLOEXEC));
  if (file && (!write_all(file.get(), input) || ::lseek(file.get(), 0, SEEK_SET) != 0)) {
    file.reset();
  }
  return file;
}

} // namespace

Result<ProgramRun> run_program(const std::string& program, std::vector<std::string> arguments,
                               Duration limit, std::string_view input) {
  Pipe output;
  Pipe complaints;
  const auto given = input.empty() ? Fd() : holding(input);
  if (!output.open() || !complaints.open() || (!input.empty() && !given)) {
    return system_reason(errno);
  }
  // A parent that ignored it would have the kernel reap the child, and its number be another's.
  ::signal(SIGCHLD, SIG_DFL);
  Interrupts interrupts;
  SpawnPlan plan(SpawnPlan::Own::group);
  if (given) {
    plan.give(given.get(), STDIN_FILENO);
  }
  plan.give(output.childs.get(), STDOUT_FILENO);
  plan.give(complaints.childs.get(), STDERR_FILENO);
  arguments.insert(arguments.begin(), program);
  pid_t pid = 0;
  if (const int failed = plan.spawn(program, std::move(arguments), own_environment(), pid)) {
    return system_reason(failed);
  }
  Child child(pid);
  if (child.end_fd() < 0) {
    return system_reason(errno);
  }
  output.childs.reset();
  complaints.childs.reset();
  Listener listener(std::move(output.ours), std::move(complaints.ours));
  auto end = listener.listen(child, interrupts, limit);
  const int code = child.finish();
  listener.take_rest();
  if (end == ProgramRun::End::exited && listener.said_too_much()) {
    end = ProgramRun::End::too_much;
  }
  auto run = listener.run();
  run.end = end;
  run.code = code;
  return run;
}

} // namespace gpujob::client
