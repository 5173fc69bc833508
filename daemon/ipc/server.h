// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "daemon/ipc/backend.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <span>
#include <string>

namespace gpujob::ipc {

class Session;

/// Accepts clients of our own user or root on the daemon's socket. Owned by the loop.
class Server {
public:
  /// `listener` is bound and listening; the daemon's lock is held.
  Server(boost::asio::io_context& io, Fd listener, Backend& backend);
  ~Server();

  /// Tells watchers what was announced and what changed.
  void publish(std::span<const policy::Announcement> announcements,
               const std::set<policy::JobId>& changed);
  void stop();

private:
  void accept();
  void on_acceptable();
  void admit(Fd socket);
  void publish_to(Session& session, std::span<const policy::Announcement> announcements,
                  const std::set<policy::JobId>& changed);

  boost::asio::io_context& m_io;
  boost::asio::posix::stream_descriptor m_listener;
  boost::asio::steady_timer m_backoff;
  Backend& m_backend;
  std::set<std::shared_ptr<Session>> m_sessions;
};

} // namespace gpujob::ipc
