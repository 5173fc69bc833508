// SPDX-License-Identifier: Apache-2.0
#include "client/connection.h"
#include "client/slices.h"
#include "common/socket.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>
#include <sys/socket.h>

using namespace gpujob;
using namespace gpujob::client;

namespace {

/// What a client makes of a daemon that says hello, then these words, and goes.
Result<nlohmann::json> answer_of(const std::string& words) {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  Fd ours{pair[0]};
  const Fd daemon{pair[1]};
  REQUIRE(send_with_fd(daemon.get(),
                       R"({"jsonrpc":"2.0","id":1,"result":{"v":1,"min_v":1,"pid":17}})"
                       "\n" +
                           words + "\n",
                       -1));
  REQUIRE(::shutdown(daemon.get(), SHUT_WR) == 0);
  auto connection = Connection::greet(std::move(ours));
  REQUIRE(connection);
  return connection->call("rm", nlohmann::json::object());
}

} // namespace

TEST_CASE("the answer to a call is an object, and what is none is an error") {
  CHECK(*answer_of(R"({"id":2,"result":{"jobs":[]}})") ==
        nlohmann::json{{"jobs", nlohmann::json::array()}});
  for (const auto* result : {"[]", "5", "null", "\"x\"", "true"}) {
    INFO(result);
    const auto answer = answer_of(std::string(R"({"id":2,"result":)") + result + "}");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Errc::bad_data);
    CHECK(answer.error().text == "daemon: rm: answers no object");
  }
}

TEST_CASE("a daemon that goes, or speaks no JSON, is told of as such") {
  CHECK(answer_of(R"({"id":7,"result":{}})").error().code == Errc::unreachable);
  CHECK(answer_of("[[[").error().code == Errc::protocol);
  CHECK(answer_of(std::string(40000, '[') + std::string(20000, ']')).error().code ==
        Errc::protocol);
  for (const auto* error : {"[]", "{}", R"({"message":0})", R"({"message":""})"}) {
    const auto refused = answer_of(std::string(R"({"id":2,"error":)") + error + "}");
    CHECK(refused.error().code == Errc::refused);
    CHECK(refused.error().text == "daemon: request: refused without a reason: see its log");
  }
}

TEST_CASE("who must not wait takes an answer when it has come") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  const Fd daemon{pair[1]};
  auto connection = Connection::approach(Fd{pair[0]});
  REQUIRE(connection);
  CHECK_FALSE(connection->readable());
  CHECK_FALSE(connection->answer("hello"));
  const auto say = [&](const std::string& words) {
    REQUIRE(send_with_fd(daemon.get(), words, -1));
    REQUIRE(connection->receive());
  };
  say(R"({"id":1,"result":{"v":1,)");
  CHECK_FALSE(connection->answer("hello"));
  say("\"min_v\":1,\"pid\":17}}\n");
  const auto hello = connection->answer("hello");
  REQUIRE(hello);
  CHECK(connection->welcome(hello->value()));
  CHECK(connection->daemon_pid() == 17);
  REQUIRE(connection->ask("ps", nlohmann::json::object()));
  say(R"({"method":"job.event","params":{}})"
      "\n"
      R"({"id":2,"error":{"message":"no","data":{"errc":"refused"}}})"
      "\n");
  const auto refused = connection->answer("ps");
  REQUIRE(refused);
  CHECK(refused->error().text == "no");
  CHECK_FALSE(connection->welcome({{"v", 9}, {"min_v", 9}, {"pid", 17}}));
}

TEST_CASE("many names go in slices, none is lost") {
  CHECK(slices({}).empty());
  const auto some = slices(std::vector<std::string>(401, "x"));
  REQUIRE(some.size() == 3);
  CHECK(some[0].size() == 200);
  CHECK(some[1].size() == 200);
  CHECK(some[2].size() == 1);
}
