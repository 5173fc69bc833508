// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "common/text.h"
#include "daemon/net/ask.h"
#include "daemon/net/serve.h"

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <unistd.h>

namespace {

constexpr std::size_t k_longest_token = 4096;

/// gpujob-http --serve ADDRESS PORT TOKEN_FILE PROGRAM; `gpujob metrics --listen` starts it so.
int serve(char** words) {
  using namespace gpujob;
  const auto port = parse_int(words[1]);
  const auto token = read_file(words[2], k_longest_token);
  Result<void> done = {};
  if (!port || *port < 0 || *port > 65535) {
    done = Error{Errc::usage, "metrics: " + printable(words[1]) + ": is no port"};
  } else if (!token || trim(*token).empty()) {
    done = token ? Error{Errc::io, std::string("metrics: ") + words[2] + ": holds no token"}
                 : token.error();
  } else {
    done = net::serve(
        {words[0], static_cast<unsigned short>(*port), std::string(trim(*token)), words[3]});
  }
  if (!done) {
    std::fprintf(stderr, "gpujob: %s\n", printable(done.error().text).c_str());
    return done.error().code == Errc::usage ? 2 : 1;
  }
  return 0;
}

/// One request on stdin, one answer on stdout. Whoever starts it ends it at a deadline.
int ask() {
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

} // namespace

/// gpujob-http: what speaks HTTP. A program of its own, so that TLS and a slow peer are nobody
/// else's.
int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  if (argc == 6 && std::string_view(argv[1]) == "--serve") {
    return serve(argv + 2);
  }
  return ask();
}
