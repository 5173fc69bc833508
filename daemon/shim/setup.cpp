// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/setup.h"

#include "common/log.h"
#include "common/text.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace gpujob::shim {

namespace {

void close_from_3() {
  if (::syscall(SYS_close_range, 3U, ~0U, 0U) == 0) {
    return;
  }
  // Kernels before 5.9.
  std::vector<int> open;
  if (const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc/self/fd"), &::closedir); dir) {
    while (const dirent* entry = ::readdir(dir.get())) {
      const auto fd = parse_int(entry->d_name);
      if (fd && *fd >= 3 && *fd != ::dirfd(dir.get())) {
        open.push_back(static_cast<int>(*fd));
      }
    }
  }
  for (const int fd : open) {
    ::close(fd);
  }
}

} // namespace

Inherited take_descriptors() {
  close_from_3();
  Inherited in{Fd{::fcntl(0, F_DUPFD_CLOEXEC, 3)}, Fd{::fcntl(1, F_DUPFD_CLOEXEC, 3)}};
  const Fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  ::dup2(null.get(), 0);
  ::dup2(null.get(), 1);
  return in;
}

void prepare_process() {
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM,
                           SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ, SIGTSTP, SIGTTIN, SIGTTOU}) {
    ::signal(signal, SIG_IGN);
  }
  // With SIGCHLD ignored by whoever started us, no child would leave a status to wait for.
  ::signal(SIGCHLD, SIG_DFL);
  if (::getsid(0) != ::getpid() && ::setsid() < 0) {
    log_line(std::string("setsid: ") + std::strerror(errno));
  }
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    log_line(std::string("subreaper: ") + std::strerror(errno));
  }
  (void)!::chdir("/");
}

} // namespace gpujob::shim
