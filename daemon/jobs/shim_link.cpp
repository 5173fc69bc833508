// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/shim_link.h"

#include "common/json.h"
#include "common/log.h"
#include "common/socket.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

namespace gpujob::jobs {

using namespace std::chrono_literals;
using boost::asio::posix::stream_descriptor;

namespace {
/// A shim that has just been started listens within a few of these.
constexpr auto k_retry = 20ms;
constexpr auto k_retry_slow = 500ms;
constexpr int k_quick_retries = 100;
} // namespace

struct ShimLink::State : std::enable_shared_from_this<ShimLink::State> {
  boost::asio::io_context& io;
  std::string path;
  Handlers handlers;
  std::optional<stream_descriptor> socket;
  boost::asio::steady_timer retry;
  FrameReader frames;
  int failures = 0;
  bool wanted = true;
  std::optional<Plan> plan;
  std::optional<std::int64_t> unheard; ///< the newest request, until its record comes back

  State(boost::asio::io_context& context, std::string socket_path, Handlers h)
      : io(context), path(std::move(socket_path)), handlers(std::move(h)), retry(context) {}

  void connect() {
    auto fd = connect_unix(path);
    if (!fd) {
      again();
      return;
    }
    failures = 0;
    frames = FrameReader{};
    ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    socket.emplace(io, fd->release());
    send({{"op", "hello"}, {"v", 1}, {"from", handlers.last_seq()}});
    if (plan) {
      send({{"op", "plan"}, {"plan", to_json(*plan)}});
    }
    if (unheard) {
      send_request(*unheard);
    }
    if (socket) {
      read();
      handlers.on_connected();
    }
  }

  void again() {
    if (!wanted) {
      return;
    }
    retry.expires_after(++failures < k_quick_retries ? std::chrono::milliseconds(k_retry)
                                                     : std::chrono::milliseconds(k_retry_slow));
    retry.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error && self->wanted && !self->socket) {
        self->connect();
      }
    });
  }

  void drop() {
    socket.reset();
    again();
  }

  /// Our messages are short and few: they fit the socket's buffer, or the shim hangs and is
  /// dropped.
  void send(const nlohmann::json& message) {
    if (socket && !send_with_fd(socket->native_handle(), json::dump(message) + "\n", -1)) {
      socket.reset();
      again();
    }
  }

  void send_request(std::int64_t number) {
    // Said again on the next connection: this one may break before the shim has read it.
    unheard = number;
    send({{"op", "checkpoint"}, {"request", number}});
  }

  void read() {
    socket->async_wait(stream_descriptor::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         if (!error && self->wanted && self->socket) {
                           self->on_readable();
                         }
                       });
  }

  void on_readable() {
    char buffer[16384];
    auto got = receive_with_fds(socket->native_handle(), buffer, sizeof buffer);
    if (!got || (got->bytes == 0 && !got->would_block)) {
      drop();
      return;
    }
    for (auto& fd : got->fds) {
      handlers.on_command_line(std::move(fd));
    }
    if (!frames.feed({buffer, got->bytes})) {
      log_line(fmt::format("link {}: frame too long: reconnecting", path));
      drop();
      return;
    }
    while (auto frame = frames.next()) {
      on_frame(*frame);
    }
    if (wanted && socket) {
      read();
    }
  }

  void on_frame(const std::string& frame) {
    if (frame.starts_with("{\"last\"") || frame.find("\"op\":\"hello\"") != std::string::npos) {
      return;
    }
    auto record = journal::decode(frame);
    if (!record) {
      log_line(fmt::format("link {}: {}", path, record.error().text));
      return;
    }
    const auto* requested = std::get_if<journal::Requested>(&record->body);
    if (requested != nullptr && unheard && requested->request >= *unheard) {
      unheard.reset();
    }
    handlers.on_record(std::move(*record));
  }
};

ShimLink::ShimLink(boost::asio::io_context& io, std::string socket_path, Handlers handlers)
    : m_state(std::make_shared<State>(io, std::move(socket_path), std::move(handlers))) {
  m_state->connect();
}

ShimLink::~ShimLink() {
  m_state->wanted = false;
  m_state->retry.cancel();
  m_state->socket.reset();
}

void ShimLink::send_plan(const Plan& plan) {
  m_state->plan = plan;
  m_state->send({{"op", "plan"}, {"plan", to_json(plan)}});
}

void ShimLink::send_request(std::int64_t number) {
  m_state->send_request(number);
}

} // namespace gpujob::jobs
