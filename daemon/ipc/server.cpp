// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/server.h"

#include "common/clock.h"
#include "common/descriptors.h"
#include "common/json.h"
#include "common/log.h"
#include "common/socket.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/session.h"
#include "daemon/ipc/view.h"

#include <cerrno>
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace gpujob::ipc {

using boost::asio::posix::stream_descriptor;
using namespace std::chrono_literals;

Server::Server(boost::asio::io_context& io, Fd listener, Backend& backend)
    : m_io(io), m_listener(io, listener.release()), m_backoff(io), m_backend(backend) {
  accept();
}

Server::~Server() = default;

void Server::stop() {
  boost::system::error_code ignored;
  m_listener.close(ignored);
  m_backoff.cancel();
  for (const auto& session : m_sessions) {
    session->close();
  }
  m_sessions.clear();
}

void Server::accept() {
  m_listener.async_wait(stream_descriptor::wait_read,
                        [this](const boost::system::error_code& error) {
                          if (!error && m_listener.is_open()) {
                            on_acceptable();
                          }
                        });
}

void Server::on_acceptable() {
  for (;;) {
    std::erase_if(m_sessions, [](const auto& session) { return session->closed(); });
    // The rest of our descriptors is for the jobs; a client too many waits like one without any.
    const bool crowded = m_sessions.size() >= descriptors_for_clients();
    errno = EMFILE;
    Fd socket{crowded ? -1
                      : ::accept4(m_listener.native_handle(), nullptr, nullptr,
                                  SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (socket) {
      admit(std::move(socket));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      accept();
      return;
    }
    if (errno == EINTR || errno == ECONNABORTED) {
      continue;
    }
    // Out of descriptors or memory: the client waits in the backlog, and we do not spin.
    log_line(fmt::format("accept: {}: trying again in 100 ms", std::strerror(errno)));
    m_backoff.expires_after(100ms);
    m_backoff.async_wait([this](const boost::system::error_code& error) {
      if (!error && m_listener.is_open()) {
        on_acceptable();
      }
    });
    return;
  }
}

void Server::admit(Fd socket) {
  const auto uid = peer_uid(socket.get());
  if (!uid || (*uid != ::geteuid() && *uid != 0)) {
    log_line("client refused: it belongs to another user");
    return;
  }
  auto session = std::make_shared<Session>(
      m_io, std::move(socket), [this](Request r) { dispatch(m_backend, std::move(r)); });
  m_sessions.insert(session);
  session->start();
}

void Server::publish(std::span<const policy::Announcement> announcements,
                     const std::set<policy::JobId>& changed) {
  const auto sessions = m_sessions; // a send may close one
  for (const auto& session : sessions) {
    if (!session->closed() && !session->watched.empty()) {
      publish_to(*session, announcements, changed);
    }
  }
}

void Server::publish_to(Session& session, std::span<const policy::Announcement> announcements,
                        const std::set<policy::JobId>& changed) {
  const auto now = m_backend.now();
  for (const auto& a : announcements) {
    if (!a.log_only && session.watched.contains(a.job)) {
      session.send(json::dump(
          {{"jsonrpc", "2.0"},
           {"method", "job.event"},
           {"params", {{"job", a.job}, {"at", format_rfc3339(now.wall)}, {"text", a.text}}}}));
    }
  }
  for (auto& [id, heard] : session.watched) {
    const auto it = m_backend.world().jobs.find(id);
    if (!changed.contains(id) || it == m_backend.world().jobs.end()) {
      continue;
    }
    auto fingerprint = view_fingerprint(it->second);
    if (fingerprint == heard) {
      continue;
    }
    heard = std::move(fingerprint);
    session.send(json::dump(
        {{"jsonrpc", "2.0"},
         {"method", "job.state"},
         {"params", job_view(m_backend.world(), it->second, m_backend.state_paths(), now)}}));
  }
}

} // namespace gpujob::ipc
