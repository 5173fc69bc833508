// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/frame.h"
#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace gpujob::client {

/// The version of the wire we speak, and the oldest we understand.
constexpr int k_protocol = 1;
constexpr int k_min_protocol = 1;

/// A daemon that has not said hello after this long hangs.
constexpr Duration k_hello_timeout = std::chrono::seconds{30};

/// A socket on which somebody listens at `path`: ours or root's, checked. Errc::unreachable when
/// there is none.
Result<Fd> connect_daemon(const std::string& path);

/// A conversation with the daemon after `hello`: calls one at a time, and notifications between.
class Connection {
public:
  /// Says hello on a connected socket. Errc::protocol when the versions do not meet.
  static Result<Connection> greet(Fd socket);
  /// The same for who must not wait: sends hello, whose answer is for welcome().
  static Result<Connection> approach(Fd socket);
  Result<void> welcome(const nlohmann::json& hello);
  static Result<Connection> open(const std::string& path);

  /// Sends one request and waits for its answer, an object. `passed_fd` rides on it, and stays
  /// ours.
  Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params,
                              int passed_fd = -1);
  /// Sends one request and does not wait.
  Result<void> ask(std::string_view method, const nlohmann::json& params, int passed_fd = -1);
  /// The answer to the last request if it has been received.
  std::optional<Result<nlohmann::json>> answer(std::string_view method);

  [[nodiscard]] int fd() const { return m_socket.get(); }
  /// receive() will not wait.
  [[nodiscard]] bool readable() const;
  /// One read. Errc::unreachable when the daemon has gone.
  Result<void> receive();
  /// The next notification, {"method", "params"}, of what was received.
  std::optional<nlohmann::json> next_notification();

  [[nodiscard]] int daemon_pid() const { return m_daemon_pid; }
  [[nodiscard]] const std::string& daemon_version() const { return m_daemon_version; }

private:
  explicit Connection(Fd socket) : m_socket(std::move(socket)) {}
  Result<nlohmann::json> wait_for_answer(std::string_view method);

  Fd m_socket;
  FrameReader m_reader;
  std::deque<std::string> m_notifications; ///< whole frames, not yet asked for
  std::int64_t m_last_id = 0;
  int m_daemon_pid = 0;
  std::string m_daemon_version;
};

} // namespace gpujob::client
