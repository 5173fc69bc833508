// SPDX-License-Identifier: Apache-2.0
#include "client/container.h"

#include "client/daemon_start.h"
#include "client/output.h"

#include <csignal>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <utility>

namespace gpujob::client {

void keep_containers_end() {
  if (::getpid() == 1) {
    sigset_t term;
    ::sigemptyset(&term);
    ::sigaddset(&term, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &term, nullptr);
  }
}

bool is_containers_end(int signal) {
  static bool told = false;
  if (signal != SIGTERM || ::getpid() != 1 || std::exchange(told, true)) {
    return false;
  }
  // What `docker stop` gives, less a second, where the platform's profile knows of nothing. From
  // now: how long the signal was pending nobody knows.
  constexpr double k_usual_s = 9;
  auto connection = reach_running_daemon();
  const auto answer = connection
                          ? connection->call("notice", {{"text", "TERM: this container is stopped"},
                                                        {"else_s", k_usual_s}})
                          : Result<nlohmann::json>(connection.error());
  note(answer ? "the container is stopped: saving first" : answer.error().text);
  return true;
}

} // namespace gpujob::client
