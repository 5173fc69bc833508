// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/frame.h"
#include "common/socket.h"
#include "daemon/ipc/dispatch.h"
#include "schema/embedded.h"
#include "tests/ipc/core_backend.h"
#include "tests/support/catch.h"

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace gpujob::test {

/// One client on a socket pair.
struct Wire {
  boost::asio::io_context io{1};
  CoreBackend backend;
  Fd client;
  std::shared_ptr<ipc::Session> session;
  int next_id = 1;

  Wire() {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    client.reset(pair[0]);
    session = std::make_shared<ipc::Session>(
        io, Fd{pair[1]}, [this](ipc::Request r) { ipc::dispatch(backend, std::move(r)); });
    session->start();
  }
  ~Wire() { session->close(); }

  void send(const std::string& bytes, int fd = -1) {
    REQUIRE(send_with_fd(client.get(), bytes, fd));
    io.poll();
    io.restart();
  }
  std::string received() {
    std::string out;
    char buffer[4096];
    for (;;) {
      auto got = receive_with_fds(client.get(), buffer, sizeof buffer);
      if (!got || got->bytes == 0) {
        return out;
      }
      out.append(buffer, got->bytes);
      io.poll();
      io.restart();
    }
  }
  nlohmann::json call(const std::string& method, const nlohmann::json& params, int fd = -1) {
    const nlohmann::json request{
        {"jsonrpc", "2.0"}, {"id", next_id++}, {"method", method}, {"params", params}};
    send(request.dump() + "\n", fd);
    const auto text = received();
    INFO(method << ": " << text);
    auto answer = nlohmann::json::parse(text, nullptr, false);
    REQUIRE_FALSE(answer.is_discarded());
    return answer;
  }
  void hello() {
    const auto answer = call("hello", {{"v", 1}, {"min_v", 1}, {"client", "test"}});
    REQUIRE(answer.contains("result"));
  }
};

inline nlohmann::json protocol_schema(const std::string& name) {
  for (const auto& file : schema::protocol()) {
    if (file.name == name + ".schema.json") {
      return nlohmann::json::parse(file.content);
    }
  }
  FAIL("no schema " << name);
  return {};
}

} // namespace gpujob::test
