// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/socket_sweep.h"

#include "common/log.h"
#include "common/socket.h"
#include "common/text.h"

#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace gpujob::jobs {

namespace {

void remove_pair(const RuntimePaths& runtime, const std::string& job_id, int attempt) {
  ::unlink(runtime.link_socket(job_id, attempt).c_str());
  ::unlink(runtime.notify_socket(job_id, attempt).c_str());
}

/// A shim of another state directory, or of one that was removed, is no less alive.
bool has_listener(const RuntimePaths& runtime, const std::string& job_id, int attempt) {
  const auto link = connect_unix(runtime.link_socket(job_id, attempt));
  return link || link.error().code != Errc::unreachable;
}

} // namespace

SocketSweep::SocketSweep(boost::asio::io_context& io, RuntimePaths runtime,
                         std::chrono::milliseconds interval)
    : m_runtime(std::move(runtime)), m_interval(interval), m_timer(io) {}

void SocketSweep::ended(const std::string& job_id, int attempt) {
  m_ended.emplace_back(job_id, attempt);
  if (m_ended.size() == 1) {
    m_timer.expires_after(m_interval);
    m_timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) {
        sweep();
      }
    });
  }
}

void SocketSweep::sweep() {
  for (const auto& [job_id, attempt] : std::exchange(m_ended, {})) {
    remove_pair(m_runtime, job_id, attempt);
  }
}

void SocketSweep::sweep_all(const std::function<bool(const std::string&, int)>& lives) const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(m_runtime.dir, ignored)) {
    // JOB.ATTEMPT.link, JOB.ATTEMPT.notify
    const auto parts = split(entry.path().filename().string(), '.');
    const auto attempt = parts.size() == 3 ? parse_int(parts[1]) : std::nullopt;
    const bool ours = attempt && (parts[2] == "link" || parts[2] == "notify");
    if (!ours || lives(parts[0], static_cast<int>(*attempt))) {
      continue;
    }
    if (!has_listener(m_runtime, parts[0], static_cast<int>(*attempt))) {
      remove_pair(m_runtime, parts[0], static_cast<int>(*attempt));
    } else if (parts[2] == "link") {
      log_line(fmt::format("job={} attempt={} runs, and is not of this state directory: its shim "
                           "keeps its plan, nothing else can be done from here",
                           parts[0], *attempt));
    }
  }
}

} // namespace gpujob::jobs
