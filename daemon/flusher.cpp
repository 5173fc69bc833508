// SPDX-License-Identifier: Apache-2.0
#include "daemon/flusher.h"

#include "common/clock.h"

#include <algorithm>

namespace gpujob {

using namespace std::chrono_literals;

namespace {

/// As long as the uploads of a day may take.
constexpr Duration k_deadline = 10min;
constexpr Duration k_least = 1s;
constexpr int k_tries = 3;
/// A helper answers on stdout; what the command says goes to the daemon's log.
constexpr const char* k_script = "/bin/sh -c \"$1\" </dev/null >&2 && echo flushed";

} // namespace

Flusher::Flusher(boost::asio::io_context& io, const std::string& command)
    : m_runner(io, "/bin/sh", {"-c", k_script, "sh", command}, "the flush"),
      m_given(!command.empty()) {}

void Flusher::run(std::optional<BootTime> ends_at, std::function<void(Result<void>)> done) {
  m_running = true;
  once(k_tries, ends_at, std::move(done));
}

void Flusher::once(int tries, std::optional<BootTime> ends_at,
                   std::function<void(Result<void>)> done) {
  const auto left =
      ends_at ? std::max<Duration>(*ends_at - read_clocks().boot, k_least) : k_deadline;
  m_runner.run("flush", process::Load::heavy, "", std::min(left, k_deadline),
               [this, tries, ends_at, done = std::move(done)](const Result<std::string>& reply) {
                 if (!reply && tries > 1) {
                   once(tries - 1, ends_at, done);
                   return;
                 }
                 m_running = false;
                 m_failed = !reply;
                 done(reply ? Result<void>{} : Result<void>(reply.error()));
               });
}

} // namespace gpujob
