// SPDX-License-Identifier: Apache-2.0
#include "daemon/net/jupyter.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace gpujob;
using namespace gpujob::net;
using gpujob::test::TempDir;
using json::Json;

namespace {

struct RuntimeDir {
  TempDir dir;

  void file(const std::string& name, const std::string& text) const {
    std::ofstream(dir.path() + "/" + name) << text;
  }
  void server(const std::string& name, Json more = Json::object()) const {
    Json j{{"pid", ::getpid()}, {"port", 8888},   {"hostname", "localhost"},
           {"base_url", "/"},   {"token", "t0k"}, {"secure", false}};
    j.update(more);
    file(name, j.dump());
  }
  [[nodiscard]] std::vector<JupyterServer> find() const {
    return find_servers({"/nowhere", dir.path()});
  }
};

} // namespace

TEST_CASE("a server is found by its runtime file, with its base and token", "[net]") {
  RuntimeDir r;
  r.server("jpserver-1.json", {{"base_url", "/user/x"}, {"secure", true}, {"hostname", "0.0.0.0"}});
  const auto found = r.find();
  REQUIRE(found.size() == 1);
  CHECK(found[0].url == "https://localhost:8888/user/x/");
  CHECK(found[0].token == "t0k");
}

TEST_CASE("a server on a Unix socket is asked there", "[net]") {
  RuntimeDir r;
  r.server("jpserver-1.json", {{"sock", "/run/j.sock"}, {"port", 0}, {"hostname", ""}});
  const auto found = r.find();
  REQUIRE(found.size() == 1);
  CHECK(found[0].unix_socket == "/run/j.sock");
  CHECK(found[0].url == "http://localhost/");
}

TEST_CASE("what is none of Jupyter's, or its process is gone, is passed over", "[net]") {
  RuntimeDir r;
  r.file("jpserver-1.json", "{\"pid\":");
  r.file("jpserver-2.json", "[]");
  r.file("other.json", "{}");
  r.file("jpserver-3.html", "<html>");
  r.server("jpserver-4.json", {{"pid", 0}});
  r.server("jpserver-5.json", {{"pid", -1}});
  r.server("jpserver-6.json", {{"port", "eight"}});
  CHECK(r.find().empty());
}

TEST_CASE("one server with two files is one", "[net]") {
  RuntimeDir r;
  r.server("jpserver-1.json");
  r.server("nbserver-1.json");
  CHECK(r.find().size() == 1);
}

TEST_CASE("kernels and terminals are counted, and the latest activity is kept", "[net]") {
  Seen seen;
  REQUIRE(read_kernels(Json::parse(R"([
    {"execution_state":"idle","connections":2,"last_activity":"2026-11-21T05:00:00.250000Z"},
    {"execution_state":"busy","connections":0,"last_activity":"2026-11-21T04:00:00Z"}])"),
                       seen));
  REQUIRE(read_terminals(Json::parse(R"([{"name":"1","last_activity":"2026-11-21T03:00:00Z"}])"),
                         seen));
  CHECK(seen.kernels == 2);
  CHECK(seen.busy_kernels == 1);
  CHECK(seen.connections == 2);
  CHECK(seen.terminals == 1);
  CHECK(to_ns(*seen.kernel_last) == 1795237200250000000);
}

TEST_CASE("an answer that is no list of objects is an error", "[net]") {
  Seen seen;
  CHECK_FALSE(read_kernels(Json::object(), seen));
  CHECK_FALSE(read_kernels(Json::parse("[1]"), seen));
  CHECK_FALSE(read_kernels(Json::parse(R"([{"connections":"many"}])"), seen));
  CHECK_FALSE(read_terminals(Json::parse("null"), seen));
}
