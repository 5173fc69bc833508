// SPDX-License-Identifier: Apache-2.0
#include "daemon/process/launcher.h"

#include "common/descriptors.h"
#include "common/file.h"
#include "common/signals.h"

#include <boost/process/args.hpp>
#include <boost/process/child.hpp>
#include <boost/process/exe.hpp>
#include <boost/process/extend.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gpujob::process {

namespace bp = boost::process;

namespace {

/// Runs between fork and exec: async-signal-safe calls only.
struct CleanChild : bp::extend::handler {
  int fds[3];

  explicit CleanChild(const int (&from)[3]) : fds{from[0], from[1], from[2]} {}

  template <typename Executor>
  void on_exec_setup(Executor& executor) const {
    ::setsid();
    reset_signals();
    restore_descriptor_limit();
    for (int i = 0; i < 3; ++i) {
      if (::dup2(fds[i], i) < 0) {
        // A shim without the lock's descriptor would be taken for dead.
        executor.set_error(std::error_code(errno, std::system_category()), "dup2");
        ::_exit(126);
      }
    }
    // The close-on-exec form keeps the library's own error pipe alive until exec has worked.
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  }

  /// In the parent, when exec failed: the library looks for the child only once, perhaps too early.
  template <typename Executor>
  void on_error(Executor& executor, const std::error_code&) const {
    if (executor.pid > 0) {
      ::waitpid(executor.pid, nullptr, 0);
    }
  }
};

} // namespace

Result<Started> start(const Program& program) {
  auto null = open_file("/dev/null", O_RDWR);
  if (!null) {
    return null.error();
  }
  const auto pick = [&](int fd) { return fd >= 0 ? fd : null->get(); };
  const int fds[3] = {pick(program.in), pick(program.out), pick(program.err)};
  std::error_code failed;
  bp::child child(bp::exe = program.exe, bp::args = program.args, failed, CleanChild(fds));
  if (failed) {
    return Error{Errc::io, fmt::format("start: {}: {}", program.exe, failed.message())};
  }
  const pid_t pid = child.id();
  if (pid <= 0) {
    // Out of descriptors for its own pipe the library says nothing, and there is no child. As a
    // target of kill(2) this number would be everybody.
    return Error{Errc::io, fmt::format("start: {}: {}", program.exe, std::strerror(EMFILE))};
  }
  // Without this the destructor would kill it. Only we reap, so the pid cannot be reused yet.
  child.detach();
  Fd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!pidfd) {
    const auto error = io_error("pidfd_open", program.exe, errno);
    // It runs already, and nobody would learn of its end.
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  }
  return Started{pid, std::move(pidfd)};
}

void reap(const Fd& pidfd) {
  siginfo_t info{};
  // P_PIDFD is 3; older headers lack the name.
  (void)::waitid(static_cast<idtype_t>(3), static_cast<id_t>(pidfd.get()), &info,
                 WEXITED | WNOHANG);
}

} // namespace gpujob::process
