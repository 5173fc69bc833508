// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/session.h"

#include "common/errc.h"
#include "common/json.h"
#include "common/log.h"
#include "common/socket.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

namespace gpujob::ipc {

using boost::asio::posix::stream_descriptor;
using json::Json;
using namespace std::chrono_literals;

namespace {

/// More than this waiting for one client means it does not read.
constexpr std::size_t k_max_waiting = 1U << 20U;
/// One command line rides on a request; more at once is nobody we know.
constexpr std::size_t k_max_fds = 4;
/// A client must say hello, and end a line it has begun, within this.
constexpr auto k_deadline = 10s;

Json error_object(int code, const std::string& message, std::string_view errc) {
  return {{"code", code}, {"message", message}, {"data", {{"errc", errc}}}};
}

std::string error_line(const Json& id, int code, const std::string& message,
                       std::string_view errc) {
  return gpujob::json::dump(
      {{"jsonrpc", "2.0"}, {"id", id}, {"error", error_object(code, message, errc)}});
}

} // namespace

void Request::reply(const Json& result) const {
  if (const auto s = session.lock()) {
    s->send(gpujob::json::dump(
        {{"jsonrpc", "2.0"}, {"id", Json::parse(id, nullptr, false)}, {"result", result}}));
  }
}

void Request::fail(const Error& error) const {
  if (const auto s = session.lock()) {
    s->send(error_line(Json::parse(id, nullptr, false), rpc_number(error.code), error.text,
                       errc_text(error.code)));
    if (error.code == Errc::protocol) {
      s->close_after_send();
    }
  }
}

Session::Session(boost::asio::io_context& io, Fd socket, OnRequest on_request)
    : m_socket(io, socket.release()), m_deadline(io), m_on_request(std::move(on_request)) {}

void Session::start() {
  arm_deadline();
  read();
}

void Session::close() {
  if (m_closed) {
    return;
  }
  m_closed = true;
  m_deadline.cancel();
  boost::system::error_code ignored;
  m_socket.close(ignored);
  m_fds.clear();
}

void Session::arm_deadline() {
  m_deadline.expires_after(k_deadline);
  m_deadline.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    const bool late = !self->greeted || self->m_frames.pending() > 0;
    if (!error && !self->m_closed && late) {
      log_line("client dropped: no whole request in time");
      self->close();
    }
  });
}

void Session::read() {
  m_socket.async_wait(stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        if (!error && !self->m_closed) {
                          self->on_readable();
                        }
                      });
}

void Session::on_readable() {
  char buffer[16384];
  auto got = receive_with_fds(m_socket.native_handle(), buffer, sizeof buffer);
  if (!got || (got->bytes == 0 && !got->would_block)) {
    close();
    return;
  }
  for (auto& fd : got->fds) {
    m_fds.push_back(std::move(fd));
  }
  if (m_fds.size() > k_max_fds || !m_frames.feed({buffer, got->bytes})) {
    send(error_line(nullptr, -32600, "request: longer than 64 KiB or too many descriptors",
                    "bad_data"));
    close_after_send();
    return;
  }
  while (!m_closed && !m_close_when_sent) {
    const auto frame = m_frames.next();
    if (!frame) {
      break;
    }
    on_frame(*frame);
  }
  if (m_closed || m_close_when_sent) {
    return;
  }
  if (m_frames.pending() > 0) {
    arm_deadline();
  }
  read();
}

void Session::on_frame(const std::string& frame) {
  auto parsed = gpujob::json::parse(frame, "request");
  if (!parsed) {
    send(error_line(nullptr, -32700, parsed.error().text, "bad_data"));
    close_after_send();
    return;
  }
  auto& j = *parsed;
  const bool valid = j.is_object() && j.contains("id") && j.contains("method") &&
                     j["method"].is_string() && (j["id"].is_number() || j["id"].is_string());
  if (!valid) {
    send(error_line(nullptr, -32600, "request: not JSON-RPC 2.0 with an id", "bad_data"));
    close_after_send();
    return;
  }
  Request request;
  request.session = weak_from_this();
  request.id = gpujob::json::dump(j["id"]);
  request.method = j["method"].get<std::string>();
  request.params = std::make_shared<Json>(j.value("params", Json::object()));
  request.fds = std::exchange(m_fds, {});
  if (!greeted && request.method != "hello") {
    request.fail({Errc::protocol, "request: hello must come first"});
    return;
  }
  m_on_request(std::move(request));
}

void Session::send(const std::string& line) {
  if (m_closed) {
    return;
  }
  m_out_bytes += line.size() + 1;
  m_out.push_back(line + "\n");
  if (m_out_bytes > k_max_waiting) {
    log_line("client dropped: it does not read");
    close();
    return;
  }
  if (!m_writing) {
    write();
  }
}

void Session::close_after_send() {
  m_close_when_sent = true;
  if (m_out.empty()) {
    close();
  }
}

void Session::write() {
  while (!m_out.empty()) {
    const auto& line = m_out.front();
    const ssize_t n = ::send(m_socket.native_handle(), line.data() + m_written,
                             line.size() - m_written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      m_writing = true;
      m_socket.async_wait(stream_descriptor::wait_write,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            self->m_writing = false;
                            if (!error && !self->m_closed) {
                              self->write();
                            }
                          });
      return;
    }
    if (n < 0) {
      close();
      return;
    }
    m_written += static_cast<std::size_t>(n);
    if (m_written == line.size()) {
      m_out_bytes -= line.size();
      m_written = 0;
      m_out.pop_front();
    }
  }
  if (m_close_when_sent) {
    close();
  }
}

} // namespace gpujob::ipc
