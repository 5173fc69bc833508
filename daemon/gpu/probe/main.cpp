// SPDX-License-Identifier: Apache-2.0
#include "common/fd.h"
#include "common/file.h"
#include "common/frame.h"
#include "daemon/gpu/probe/answer.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

using namespace gpujob;

std::string environment(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? "" : value;
}

/// Where the answers go, and nothing that a driver's library says meanwhile: that goes to stderr.
Fd take_stdout() {
  Fd answers(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  return answers;
}

/// Until stdin ends; what stands there without a newline then is a request, too.
int serve(gpu::Probe& probe, const Fd& answers) {
  FrameReader requests;
  char chunk[4096];
  for (;;) {
    const auto n = ::read(STDIN_FILENO, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    const bool at_end = n <= 0;
    if (at_end && requests.pending() == 0) {
      return 0;
    }
    if (!requests.feed(at_end ? "\n" : std::string_view(chunk, static_cast<std::size_t>(n)))) {
      return 1;
    }
    while (const auto request = requests.next()) {
      if (!write_all(answers.get(), probe.answer(*request) + "\n")) {
        return 1;
      }
    }
  }
}

} // namespace

/// gpujob-gpuprobe: a request a line on stdin, an answer a line on stdout. The only program that
/// opens a GPU's library. Whoever starts it ends it at a deadline: a driver may hang for ever.
int main() {
  ::signal(SIGPIPE, SIG_IGN);
  // Who hangs in a driver sees no end of stdin.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::lseek(STDIN_FILENO, 0, SEEK_SET); // a memfd stands where its writer left it
  const auto answers = take_stdout();
  gpu::Probe probe(environment("GPUJOB_NVML"), environment("GPUJOB_SYSFS"),
                   environment("GPUJOB_PROC"), environment("GPUJOB_GPU_DEVICES"));
  // Without taking leave of the driver: what is answered must not wait for one that hangs then.
  ::_exit(serve(probe, answers));
}
