// SPDX-License-Identifier: Apache-2.0
#include "client/top/feed.h"
#include "client/top/layout.h"
#include "client/top/log_lines.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/socket.h"
#include "tests/client/text.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

using namespace gpujob;
using namespace gpujob::client;
using namespace gpujob::client::top;
using json::Json;

namespace {

Json running(const std::string& name, int attempt = 1) {
  return {{"id", name + "0001"},
          {"name", name},
          {"state", "running"},
          {"attempt", attempt},
          {"gpus", {}},
          {"gpu_names", {}},
          {"created_at", "2026-11-21T06:00:00Z"}};
}

/// A feed that talks to two jobs' daemon, which answers when it is told to.
struct Talk {
  Talk() {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    daemon = Fd{pair[1]};
    auto connection = Connection::approach(Fd{pair[0]});
    REQUIRE(connection);
    answer_hello();
    REQUIRE(connection->receive());
    REQUIRE(connection->welcome(connection->answer("hello")->value()));
    feed.adopt(std::move(*connection));
  }

  void answer_hello() {
    REQUIRE(asked() == "hello");
    answer({{"v", 1}, {"min_v", 1}, {"pid", 17}});
  }

  /// The daemon dies, and another one listens.
  void restart_daemon() {
    daemon.reset();
    feed.receive(m, now);
    CHECK(m.gone_since);
    const auto listener = listen_unix(endpoint.runtime.socket(), SOCK_STREAM, false);
    REQUIRE(listener);
    feed.begin(m, now);
    daemon = Fd{::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC)};
    answer_hello();
    feed.receive(m, now);
    CHECK_FALSE(m.gone_since);
  }

  /// The method that is asked next; what it asks for is in `params`.
  std::string asked() {
    std::string line;
    for (char c = 0; ::read(daemon.get(), &c, 1) == 1 && c != '\n';) {
      line += c;
    }
    const auto request = json::parse(line, "request").value();
    id = request["id"].get<int>();
    params = request["params"];
    return request["method"].get<std::string>();
  }

  void answer(const Json& result) {
    REQUIRE(send_with_fd(daemon.get(), Json{{"id", id}, {"result", result}}.dump() + "\n", -1));
  }

  /// Answers what is asked until it asks for a log, or, false, until the round is over.
  bool until_a_log_is_asked() {
    while (!feed.idle()) {
      const auto method = asked();
      methods.push_back(method);
      if (method == "logs") {
        return true;
      }
      answer(method == "ps"
                 ? Json{{"jobs", {running("one", attempt), running("two")}}, {"next", nullptr}}
             : method == "show" ? shown(params["job"].get<std::string>())
                                : Json::object());
      feed.receive(m, now);
    }
    return false;
  }

  [[nodiscard]] Json shown(const std::string& job) const {
    return job == "one0001" ? running("one", attempt) : running("two");
  }

  void scroll_up() {
    m.choice.page = Page::logs;
    m.choice.rows_up = 3;
  }

  void answer_log() {
    answer({{"path", "/logs/" + params["job"].get<std::string>()}});
    feed.receive(m, now);
  }

  /// A round of questions, all of them answered.
  void round() {
    feed.begin(m, now);
    while (until_a_log_is_asked()) {
      answer_log();
    }
  }

  const WallTime now = read_clocks().wall;
  const test::TempDir dir;
  const Endpoint endpoint{{dir.path()}, "test"};
  Feed feed{endpoint};
  Model m;
  Fd daemon;
  int id = 0;
  int attempt = 1; ///< of the first job
  Json params;
  std::vector<std::string> methods; ///< that were asked
};

} // namespace

TEST_CASE("top: the output of the selected job is asked for once") {
  Talk talk;
  talk.round();
  CHECK(talk.m.choice.job == "one0001");
  CHECK(talk.m.log.path == "/logs/one0001");
  talk.feed.begin(talk.m, talk.now);
  CHECK_FALSE(talk.until_a_log_is_asked());
  talk.m.select(1);
  CHECK(talk.m.log.path.empty());
  talk.round();
  CHECK(talk.m.log.path == "/logs/two0001");
}

TEST_CASE("top: who comes back to a job before the other's output was asked for sees it again") {
  Talk talk;
  talk.round();
  talk.m.select(1);
  talk.m.select(-1);
  talk.round();
  CHECK(talk.m.log.path == "/logs/one0001");
}

TEST_CASE("top: an answer for a job that is selected no more is not shown under another's name") {
  Talk talk;
  talk.round();
  talk.m.select(1);
  talk.feed.begin(talk.m, talk.now);
  REQUIRE(talk.until_a_log_is_asked());
  talk.m.select(-1);
  talk.answer_log();
  CHECK(talk.m.log.path.empty());
  REQUIRE(talk.until_a_log_is_asked());
  talk.answer_log();
  CHECK(talk.m.log.path == "/logs/one0001");
}

TEST_CASE("top: the output of a job that is selected in the midst of a round is in this round") {
  Talk talk;
  talk.round();
  talk.feed.begin(talk.m, talk.now);
  talk.m.select(1);
  REQUIRE(talk.until_a_log_is_asked());
  talk.answer_log();
  CHECK(talk.m.log.path == "/logs/two0001");
  CHECK(talk.feed.idle());
}

TEST_CASE("top: who has scrolled up keeps the attempt that he reads, and its name") {
  Talk talk;
  talk.round();
  talk.scroll_up();
  talk.attempt = 2;
  talk.round();
  CHECK(talk.m.selected()->view.attempt == 2);
  CHECK(talk.m.log.attempt == 1);
  const auto page = draw(talk.m, {24, 80}, Glyphs{false});
  CHECK(has(plain_text(page), "output of one, attempt 1"));
  talk.m.choice.rows_up = 0;
  talk.round();
  CHECK(talk.m.log.attempt == 2);
}

TEST_CASE("top: when the job whose output is read has gone, another's is shown from its end") {
  Talk talk;
  talk.round();
  talk.scroll_up();
  talk.m.list({read_job(running("two"), talk.now).value()});
  CHECK(talk.m.choice.job == "two0001");
  CHECK_FALSE(talk.m.held());
  talk.round();
  CHECK(talk.m.log.path == "/logs/" + talk.m.choice.job);
}

TEST_CASE("top: of a daemon that is back everything is asked, before a log that is missing") {
  Talk talk;
  talk.round();
  talk.m.select(1);
  talk.restart_daemon();
  talk.methods.clear();
  REQUIRE(talk.until_a_log_is_asked());
  CHECK(talk.methods == std::vector<std::string>{"quota", "gpu", "ps", "show", "show", "logs"});
  talk.answer_log();
  CHECK(talk.m.log.path == "/logs/two0001");
  CHECK(talk.feed.idle());
}

TEST_CASE("top: the end of a log is read again when it has grown, or was let go") {
  const test::TempDir dir;
  Log log;
  log.path = dir / "output.log";
  read_tail(log);
  CHECK(log.lines.empty());
  std::ofstream(log.path) << "one\n";
  read_tail(log);
  CHECK(log.lines == std::vector<std::string>{"one"});
  std::ofstream(log.path) << "one\ntwo\n";
  read_tail(log);
  CHECK(log.lines == std::vector<std::string>{"one", "two"});
  const auto path = log.path;
  log = {};
  log.path = path;
  read_tail(log);
  CHECK(log.lines == std::vector<std::string>{"one", "two"});
}
