// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/frame.h"
#include "common/result.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gpujob::ipc {

class Session;

/// One request of a client. Answered once, now or after a commit; when the client has gone
/// meanwhile the answer goes nowhere.
struct Request {
  std::weak_ptr<Session> session;
  std::string id; ///< JSON text of the request's id
  std::string method;
  std::shared_ptr<nlohmann::json> params;
  std::vector<Fd> fds;

  void reply(const nlohmann::json& result) const;
  void fail(const Error& error) const;
};

/// One client. Kept alive by its own pending operations; knows its Server only by two callbacks.
class Session : public std::enable_shared_from_this<Session> {
public:
  using OnRequest = std::function<void(Request)>;

  Session(boost::asio::io_context& io, Fd socket, OnRequest on_request);

  void start();
  void close();
  [[nodiscard]] bool closed() const { return m_closed; }

  /// Queues one line. A client that does not read is dropped when too much is waiting for it.
  void send(const std::string& line);
  /// Sends what is queued, then closes.
  void close_after_send();

  bool greeted = false; ///< hello has been answered

  /// Jobs it watches, with the fingerprint it last heard.
  std::map<std::string, std::string> watched;

private:
  void read();
  void on_readable();
  void on_frame(const std::string& frame);
  void write();
  void arm_deadline();

  boost::asio::posix::stream_descriptor m_socket;
  boost::asio::steady_timer m_deadline;
  OnRequest m_on_request;
  FrameReader m_frames;
  std::vector<Fd> m_fds; ///< received, not yet taken by a request
  std::deque<std::string> m_out;
  std::size_t m_out_bytes = 0;
  std::size_t m_written = 0; ///< of the first line
  bool m_writing = false;
  bool m_close_when_sent = false;
  bool m_closed = false;
};

} // namespace gpujob::ipc
