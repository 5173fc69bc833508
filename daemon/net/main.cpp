// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "daemon/net/ask.h"

#include <csignal>
#include <iterator>
#include <unistd.h>

/// gpujob-http: one request on stdin, one answer on stdout. Whoever starts it ends it at a
/// deadline.
int main() {
  ::signal(SIGPIPE, SIG_IGN);
  ::lseek(STDIN_FILENO, 0, SEEK_SET); // a memfd stands where its writer left it
  constexpr std::size_t k_max_request = 64U << 10U;
  std::string request;
  char chunk[4096];
  for (ssize_t n = 0;
       request.size() <= k_max_request && (n = ::read(STDIN_FILENO, chunk, sizeof chunk)) > 0;) {
    request.append(chunk, static_cast<std::size_t>(n));
  }
  return gpujob::write_all(STDOUT_FILENO, gpujob::net::answer(request) + "\n") ? 0 : 1;
}
