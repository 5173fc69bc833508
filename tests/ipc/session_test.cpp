// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/session.h"
#include "tests/ipc/wire.h"

using namespace gpujob;
using namespace gpujob::test;

TEST_CASE("requests come whole from halves and several at once") {
  Wire wire;
  wire.hello();
  wire.send(R"({"jsonrpc":"2.0","id":5,"method":"qu)");
  CHECK(wire.received().empty());
  wire.send("ota\",\"params\":{}}\n{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"quota\"}\n");
  const auto text = wire.received();
  CHECK(text.find("\"id\":5") != std::string::npos);
  CHECK(text.find("\"id\":6") != std::string::npos);
}

TEST_CASE("hello comes first, and in a version we speak") {
  Wire wire;
  CHECK(wire.call("ps", nlohmann::json::object())["error"]["code"] == 4);
  CHECK(wire.session->closed());
  Wire other;
  CHECK(other.call("hello", {{"v", 7}, {"min_v", 7}})["error"]["data"]["errc"] == "protocol");
  CHECK(other.session->closed());
}

TEST_CASE("what is no request is answered as such, and that client is dropped") {
  const std::string nest = std::string(3000, '[') + std::string(3000, ']');
  for (const std::string& bad : {std::string("rubbish\n"), std::string("{}\n"), std::string("[]\n"),
                                 std::string("{\"id\":{},\"method\":\"ps\"}\n"),
                                 R"({"id":1,"method":"ps","params":)" + nest + "}\n"}) {
    Wire wire;
    wire.send(bad);
    CHECK(wire.received().find("\"error\"") != std::string::npos);
    CHECK(wire.session->closed());
  }
}

TEST_CASE("a frame over the cap drops the client") {
  Wire wire;
  // In parts: the socket's buffer is smaller than the frame.
  for (int i = 0; i < 9 && !wire.session->closed(); ++i) {
    (void)send_with_fd(wire.client.get(), std::string(8000, 'x'), -1);
    wire.io.poll();
    wire.io.restart();
  }
  CHECK(wire.session->closed());
}

TEST_CASE("a client that does not read is dropped, and descriptors it sent are closed") {
  Wire wire;
  wire.hello();
  for (int i = 0; i < 100 && !wire.session->closed(); ++i) {
    wire.session->send(std::string(60000, 'x'));
  }
  CHECK(wire.session->closed());
}

TEST_CASE("an answer after the client has gone goes nowhere") {
  auto wire = std::make_unique<Wire>();
  wire->hello();
  ipc::Request request;
  request.session = wire->session;
  request.id = "1";
  wire.reset();
  request.reply({{"late", true}});
  request.fail({Errc::refused, "late"});
}
