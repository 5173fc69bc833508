// SPDX-License-Identifier: Apache-2.0
#include "client/watcher.h"

#include "client/daemon_start.h"
#include "client/environment.h"
#include "client/output.h"
#include "common/clock.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

/// A job's shim brings a dead daemon back within 2 s: until then there is nothing to tell.
constexpr auto k_say_after = std::chrono::seconds{3};
constexpr auto k_start_after = std::chrono::seconds{5};
constexpr auto k_give_up_after = std::chrono::seconds{15};

Result<JobView> watch_job(Connection& connection, const std::string& job) {
  auto answer = connection.call("watch", {{"job", job}});
  return answer ? read_job_view(*answer) : Result<JobView>(answer.error());
}

} // namespace

Result<Watcher> Watcher::start(Connection connection, const std::string& job) {
  auto view = watch_job(connection, job);
  if (!view) {
    return view.error();
  }
  return Watcher(std::move(connection), std::move(*view));
}

Result<std::vector<std::string>> Watcher::update() {
  if (!m_connection) {
    GPUJOB_TRY(come_back());
    // What came with its answer is not seen by a poll any more.
    return m_connection ? take_notifications() : std::vector<std::string>{};
  }
  const auto received = m_connection->readable() ? m_connection->receive() : Result<void>{};
  auto texts = take_notifications();
  if (!received) {
    if (received.error().code != Errc::unreachable) {
      return received.error();
    }
    m_connection.reset();
    m_gone_since = read_clocks().boot;
  }
  return texts;
}

Result<std::vector<std::string>> Watcher::take_notifications() {
  std::vector<std::string> texts;
  while (auto message = m_connection->next_notification()) {
    json::Reader reader(*message, "daemon: notification");
    const auto method = reader.text("method");
    const auto* params = reader.find("params");
    if (params == nullptr) {
      continue;
    }
    if (method == "job.state") {
      auto view = read_job_view(*params);
      if (!view) {
        return view.error();
      }
      if (view->id == m_view.id) {
        m_view = std::move(*view);
      }
    } else if (method == "job.event") {
      json::Reader event(*params, "daemon: event");
      if (event.text_or("job", "") == m_view.id) {
        texts.push_back(event.text_or("text", ""));
      }
    }
  }
  return texts;
}

Result<void> Watcher::come_back() {
  const auto endpoint = locate_daemon(own_environment());
  if (!endpoint) {
    return endpoint.error();
  }
  auto connection = Connection::open(endpoint->runtime.socket());
  if (connection) {
    return adopt(std::move(*connection));
  }
  if (connection.error().code != Errc::unreachable) {
    return connection.error();
  }
  const auto gone = read_clocks().boot - m_gone_since;
  if (gone > k_say_after && !m_said_gone) {
    m_said_gone = true;
    note("the daemon is gone; waiting for it to come back");
  }
  if (gone > k_give_up_after) {
    return Error{Errc::unreachable,
                 fmt::format("daemon: not running: it did not come back; {} runs on without it: "
                             "gpujob attach {}",
                             m_view.name, m_view.name)};
  }
  // A daemon that was told to stop stays stopped: starting one is the user's word to say.
  const bool told_to_stop = ::access(endpoint->runtime.stop_marker().c_str(), F_OK) == 0;
  if (gone > k_start_after && !told_to_stop) {
    auto reached = reach_or_start(*endpoint, {});
    return reached ? adopt(std::move(reached->connection)) : Result<void>(reached.error());
  }
  return {};
}

Result<void> Watcher::adopt(Connection connection) {
  auto view = watch_job(connection, m_view.id);
  if (!view) {
    // It may have died again at once; that is no answer about the job.
    return view.error().code == Errc::unreachable ? Result<void>{} : view.error();
  }
  if (m_said_gone) {
    note(fmt::format("the daemon is back (pid {})", connection.daemon_pid()));
    m_said_gone = false;
  }
  m_connection = std::move(connection);
  m_view = std::move(*view);
  return {};
}

Result<bool> watch_until(Watcher& watcher, Interrupts& interrupts,
                         const std::function<bool(const JobView&)>& enough) {
  for (;;) {
    auto texts = watcher.update();
    if (!texts) {
      return texts.error();
    }
    for (const auto& text : *texts) {
      note(text);
    }
    if (enough(watcher.view())) {
      return true;
    }
    pollfd entries[] = {{watcher.fd(), POLLIN, 0}, {interrupts.fd(), POLLIN, 0}};
    ::poll(entries, 2, watcher.connected() ? -1 : k_look_ms);
    if (interrupts.take()) {
      return false;
    }
  }
}

} // namespace gpujob::client
