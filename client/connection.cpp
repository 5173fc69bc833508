// SPDX-License-Identifier: Apache-2.0
#include "client/connection.h"

#include "client/output.h"
#include "client/patience.h"
#include "common/clock.h"
#include "common/errc.h"
#include "common/error_words.h"
#include "common/json.h"
#include "common/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::client {

using json::Json;

namespace {

/// A daemon answers at once; it waits for helpers (durable directory) no longer than a minute.
constexpr Duration k_answer_timeout = std::chrono::seconds{120};

Error gone() {
  return Error{Errc::unreachable,
               "daemon: connection: it went away: see gpujob daemon status, then try again"};
}

bool trusted(uid_t owner) {
  return owner == ::geteuid() || owner == 0;
}

constexpr const char* k_hello = "hello";
constexpr const char* k_waiting_for = "no answer yet: it may be looking at the durable directory, "
                                      "or cannot store: gpujob daemon status";

/// Waits until the socket is readable; false when `deadline` came first.
bool wait_readable(int fd, BootTime deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - read_clocks().boot);
    pollfd entry{fd, POLLIN, 0};
    const int rc = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (rc != 0 && !(rc < 0 && errno == EINTR)) {
      return true;
    }
    if (rc == 0) {
      return false;
    }
  }
}

Error error_from(const Json& error) {
  json::Reader reader(error, "daemon: error");
  auto text =
      json::error_words(error, "message", "daemon: request: refused without a reason: see its log");
  const auto* data = reader.find("data");
  const Json empty = Json::object();
  json::Reader details(data == nullptr ? empty : *data, "daemon: error data");
  // A daemon that knows no hello of ours cannot have put a word to it.
  const auto word = details.text_or("errc", "refused");
  return Error{errc_from_text(word), std::move(text)};
}

} // namespace

Result<Fd> connect_daemon(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) == 0 && !(S_ISSOCK(st.st_mode) && trusted(st.st_uid))) {
    return Error{Errc::refused,
                 fmt::format("daemon socket: {}: {}: do not trust it: set GPUJOB_RUNTIME_DIR to a "
                             "directory of your own",
                             path, S_ISSOCK(st.st_mode) ? "belongs to another user" : "no socket")};
  }
  auto socket = connect_unix(path);
  if (!socket) {
    return socket.error();
  }
  const auto uid = peer_uid(socket->get());
  if (!uid || !trusted(*uid)) {
    return Error{Errc::refused, fmt::format("daemon socket: {}: another user listens there: set "
                                            "GPUJOB_RUNTIME_DIR to a directory of your own",
                                            path)};
  }
  return socket;
}

Result<Connection> Connection::open(const std::string& path) {
  auto socket = connect_daemon(path);
  if (!socket) {
    return socket.error();
  }
  return greet(std::move(*socket));
}

Result<Connection> Connection::greet(Fd socket) {
  auto connection = approach(std::move(socket));
  if (!connection) {
    return connection;
  }
  const auto hello = connection->wait_for_answer(k_hello);
  const auto met = hello ? connection->welcome(*hello) : Result<void>(hello.error());
  return met ? std::move(connection) : Result<Connection>(met.error());
}

Result<Connection> Connection::approach(Fd socket) {
  Connection connection(std::move(socket));
  GPUJOB_TRY(connection.ask(
      k_hello,
      {{"v", k_protocol}, {"min_v", k_min_protocol}, {"client", "gpujob " GPUJOB_VERSION}}));
  return connection;
}

Result<void> Connection::welcome(const Json& hello) {
  json::Reader reader(hello, "daemon: hello");
  const auto version = reader.integer("v");
  const auto min_version = reader.integer("min_v");
  m_daemon_version = reader.text_or("version", "?");
  m_daemon_pid = static_cast<int>(reader.integer("pid"));
  if (!reader.ok()) {
    return Error{Errc::protocol, reader.error().text};
  }
  if (version < k_min_protocol || min_version > k_protocol) {
    return Error{Errc::protocol,
                 fmt::format("daemon: version {}: speaks protocol {}..{}, this gpujob {}..{}: stop "
                             "it (gpujob daemon stop) and run the line again; jobs go on",
                             m_daemon_version, min_version, version, k_min_protocol, k_protocol)};
  }
  return {};
}

Result<Json> Connection::call(std::string_view method, const Json& params, int passed_fd) {
  GPUJOB_TRY(ask(method, params, passed_fd));
  return wait_for_answer(method);
}

Result<void> Connection::ask(std::string_view method, const Json& params, int passed_fd) {
  const auto id = ++m_last_id;
  const auto frame =
      json::dump({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}) + "\n";
  if (frame.size() > k_max_frame) {
    return Error{Errc::refused, fmt::format("{}: request: larger than {} bytes: name fewer things "
                                            "at once",
                                            method, k_max_frame)};
  }
  if (!send_with_fd(m_socket.get(), frame, passed_fd)) {
    return gone();
  }
  return {};
}

std::optional<Result<Json>> Connection::answer(std::string_view method) {
  while (auto frame = m_reader.next()) {
    auto message = json::parse(*frame, "daemon: answer");
    if (!message || !message->is_object()) {
      return Error{Errc::protocol, "daemon: answer: not JSON: is it a gpujobd that listens?"};
    }
    if (message->contains("method")) {
      m_notifications.push_back(std::move(*frame));
    } else if (const auto error = message->find("error"); error != message->end()) {
      return error_from(*error);
    } else if (message->value("id", Json{}) == Json(m_last_id) && message->contains("result")) {
      auto& result = (*message)["result"];
      if (!result.is_object()) {
        return Error{Errc::bad_data, fmt::format("daemon: {}: answers no object", method)};
      }
      return std::move(result);
    }
  }
  return std::nullopt;
}

Result<Json> Connection::wait_for_answer(std::string_view method) {
  const bool greeted = m_daemon_pid != 0;
  const auto asked = read_clocks().boot;
  const auto deadline = asked + (greeted ? k_answer_timeout : k_hello_timeout);
  const auto patient_until = asked + k_patience;
  bool said = !greeted;
  for (;;) {
    if (auto received = answer(method)) {
      return std::move(*received);
    }
    if (!said && !wait_readable(m_socket.get(), std::min(deadline, patient_until))) {
      said = true;
      note(k_waiting_for);
      continue;
    }
    if (!wait_readable(m_socket.get(), deadline)) {
      return Error{Errc::unreachable,
                   fmt::format("daemon: {}: no answer: it hangs; see its log", method)};
    }
    GPUJOB_TRY(receive());
  }
}

bool Connection::readable() const {
  return wait_readable(m_socket.get(), read_clocks().boot);
}

Result<void> Connection::receive() {
  std::array<char, 16 * 1024> buffer; // NOLINT: filled by read
  ssize_t n = 0;
  do {
    n = ::read(m_socket.get(), buffer.data(), buffer.size());
  } while (n < 0 && errno == EINTR);
  if (n <= 0) {
    return gone();
  }
  if (!m_reader.feed({buffer.data(), static_cast<std::size_t>(n)})) {
    return Error{Errc::protocol, "daemon: answer: longer than a frame: is it a gpujobd?"};
  }
  return {};
}

std::optional<Json> Connection::next_notification() {
  while (auto frame = m_reader.next()) {
    m_notifications.push_back(std::move(*frame));
  }
  while (!m_notifications.empty()) {
    auto message = json::parse(m_notifications.front(), "daemon: notification");
    m_notifications.pop_front();
    if (message && message->is_object() && message->contains("method")) {
      return std::move(*message);
    }
  }
  return std::nullopt;
}

} // namespace gpujob::client
