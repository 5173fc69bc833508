// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_spawn.h"
#include "client/daemon_start.h"
#include "client/endpoint.h"
#include "client/environment.h"
#include "client/interrupts.h"
#include "client/metrics/collect.h"
#include "client/metrics/token.h"
#include "client/output.h"
#include "common/duration.h"
#include "common/file.h"
#include "common/text.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

using namespace std::chrono_literals;

/// Node_exporter and its like read the file as another user.
constexpr mode_t k_readable = 0644;

/// A daemon that does not run is told of, and not started: who watches must not change what is.
Result<Observed> look() {
  auto connection = reach_running_daemon();
  auto seen = connection ? observe(*connection) : Result<Observed>(connection.error());
  const bool gone = !seen && seen.error().code == Errc::unreachable;
  return gone ? Result<Observed>(Observed{}) : seen;
}

Result<int> watch(const MetricsOptions& options) {
  const auto every = parse_duration(options.interval, "--interval");
  if (!every) {
    return every.error();
  }
  const auto pause = std::clamp<Duration>(*every, 1s, 24h);
  Interrupts interrupts;
  for (bool written = false;;) {
    const auto seen = look();
    if (!seen) {
      note(seen.error().text);
    }
    const auto done =
        atomic_publish(options.watch, metrics_text(seen ? *seen : Observed{}), k_readable);
    if (!done && !written) {
      return done.error(); // a place that never took one
    }
    if (!done) {
      note(done.error().text); // a disk that is full now
    }
    written = true;
    pollfd entry{interrupts.fd(), POLLIN, 0};
    ::poll(&entry, 1,
           static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(pause).count()));
    if (interrupts.take()) {
      // An old file would say for ever that all is well.
      return ::unlink(options.watch.c_str()) == 0 || errno == ENOENT
                 ? Result<int>(0)
                 : Result<int>(io_error("remove", options.watch, errno));
    }
  }
}

/// "9465", "127.0.0.1:9465", "[::1]:9465".
Result<std::pair<std::string, std::string>> read_place(const std::string& text) {
  const auto colon = text.rfind(':');
  auto address = colon == std::string::npos ? std::string("127.0.0.1") : text.substr(0, colon);
  const auto port = colon == std::string::npos ? text : text.substr(colon + 1);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  const auto number = parse_int(port);
  if (!number || *number < 0 || *number > 65535 || address.empty()) {
    return Error{Errc::usage, fmt::format("metrics: --listen {}: is no port: give 9465, or "
                                          "127.0.0.1:9465",
                                          printable(text))};
  }
  return std::pair{std::move(address), port};
}

/// Becomes gpujob-http, which asks `gpujob metrics` at every question; returns only when it cannot.
Result<int> listen(const MetricsOptions& options) {
  const auto place = read_place(options.listen);
  if (!place) {
    return place.error();
  }
  const auto environment = own_environment();
  const auto server = find_own_program("gpujob-http", "metrics", environment);
  const auto self = find_own_program("gpujob", "metrics", environment);
  const auto endpoint = locate_daemon(environment);
  if (!server || !self || !endpoint) {
    return !server ? server.error() : !self ? self.error() : endpoint.error();
  }
  const auto token = options.token_file.empty() ? make_token(endpoint->runtime.dir)
                                                : check_token(options.token_file);
  if (!token) {
    return token.error();
  }
  note(fmt::format("metrics: who asks must say \"Authorization: Bearer TOKEN\"; the token is in {}",
                   *token));
  std::vector<std::string> words{*server, "--serve", place->first, place->second, *token, *self};
  std::vector<char*> argv;
  for (auto& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  ::execv(server->c_str(), argv.data());
  return io_error("execute", *server, errno);
}

} // namespace

Result<int> execute(const MetricsOptions& options) {
  if (!options.listen.empty()) {
    return listen(options);
  }
  if (!options.watch.empty()) {
    return watch(options);
  }
  auto seen = look();
  if (!seen) {
    return seen.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json({{"up", seen->up},
                           {"status", std::move(seen->status)},
                           {"session", std::move(seen->session)},
                           {"gpu", std::move(seen->gpu)},
                           {"jobs", std::move(seen->jobs)}}));
    return 0;
  }
  GPUJOB_TRY(print(metrics_text(*seen)));
  return 0;
}

} // namespace gpujob::client
