// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/inputs.h"
#include "daemon/platform/values.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <fstream>

namespace gpujob {

using platform::make_inputs;
using test::TempDir;

namespace {

/// A configuration directory whose config.json holds `text`.
class Config {
public:
  explicit Config(const std::string& text) {
    std::filesystem::create_directories(m_dir / "gpujob");
    std::ofstream(path()) << text;
  }
  [[nodiscard]] std::string path() const { return m_dir / "gpujob/config.json"; }
  [[nodiscard]] std::vector<std::string> env() const {
    return {"XDG_CONFIG_HOME=" + m_dir.path(), "HOME=/nowhere"};
  }
  [[nodiscard]] std::string error() const {
    const auto in = make_inputs({}, env(), 0);
    REQUIRE(in.has_error());
    CHECK(in.error().code == Errc::bad_data);
    return in.error().text;
  }

private:
  TempDir m_dir;
};

} // namespace

TEST_CASE("a config says what it says, and only that", "[platform]") {
  const Config c(
      R"({"platform": "colab", "plan": "pro", "session_limit": "20h", "slots": 2,
                     "durable": "/d", "state_dir": "/s", "runtime_dir": "/r",
                     "session_start": null})");
  const auto in = make_inputs({}, c.env(), 0);
  REQUIRE(in.has_value());
  CHECK(in->config_path == c.path());
  CHECK(in->config.platform == "colab");
  CHECK(in->config.plan == "pro");
  CHECK(in->config.session_limit == "20h");
  CHECK(in->config.slots == "2");
  CHECK(in->config.durable == "/d");
  CHECK(in->config.session_start == std::nullopt);
  const auto paths = platform::path_inputs(*in);
  CHECK(paths.config_state == "/s");
  CHECK(paths.config_runtime == "/r");
}

TEST_CASE("a config that is wrong is an error naming file and key", "[platform]") {
  const Config unknown(R"({"session_limits": "20h"})");
  CHECK(unknown.error() == unknown.path() +
                               ": session_limits: is not a known key: use one of platform, plan, "
                               "session_limit, session_start, durable, state_dir, runtime_dir, "
                               "slots, notices, on_warning, flush");
  const Config type(R"({"session_limit": 20})");
  CHECK(type.error() == type.path() + ": session_limit: is not a string");
  const Config fraction(R"({"slots": 1.5})");
  CHECK(fraction.error() == fraction.path() + ": slots: is not a 64-bit integer");
  const Config broken("{\"plan\": ");
  CHECK(broken.error() == broken.path() + ": not JSON: repair it or move it away");
  const Config list("[]");
  CHECK(list.error() == list.path() + ": not a JSON object");
}

TEST_CASE("a broken config does not keep a revived daemon from coming back", "[platform]") {
  const Config c("{\"plan\": ");
  CHECK(make_inputs({}, c.env(), 0).has_error());
  const auto in = make_inputs({}, c.env(), 0, true);
  REQUIRE(in.has_value());
  CHECK(in->config.plan == std::nullopt);
}

TEST_CASE("a config that cannot be read is an error, not an empty one", "[platform]") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "gpujob/config.json"); // a directory
  const auto in = make_inputs({}, {"XDG_CONFIG_HOME=" + dir.path()}, 0);
  REQUIRE(in.has_error());
  CHECK(in.error().text.find(dir / "gpujob/config.json") != std::string::npos);
}

TEST_CASE("the config is looked for below HOME unless XDG_CONFIG_HOME is absolute", "[platform]") {
  const auto path = [](std::vector<std::string> env) {
    const auto in = make_inputs({}, std::move(env), 0);
    return in ? in->config_path : in.error().text;
  };
  CHECK(path({"HOME=/nowhere"}) == "/nowhere/.config/gpujob/config.json");
  CHECK(path({"HOME=/nowhere", "XDG_CONFIG_HOME=rel"}) == "/nowhere/.config/gpujob/config.json");
  CHECK(path({"HOME=/nowhere", "XDG_CONFIG_HOME="}) == "/nowhere/.config/gpujob/config.json");
  CHECK(path({"HOME=/nowhere", "XDG_CONFIG_HOME=/x"}) == "/x/gpujob/config.json");
  CHECK(path({}).empty());
}

TEST_CASE("the environment is read by name, and an empty variable says nothing", "[platform]") {
  const auto in =
      make_inputs({},
                  {"GPUJOB_PLATFORM=kaggle", "GPUJOB_SESSION_LIMIT=", "GPUJOB_PLATFORMS=x",
                   "GPUJOB_DURABLE_DIR=/d", "GPUJOB_STATE_DIR=/s", "GPUJOB_RUNTIME_DIR=/r",
                   "GPUJOB_SESSION_START=now"},
                  0);
  REQUIRE(in.has_value());
  CHECK(in->environment.platform == "kaggle");
  CHECK(in->environment.session_limit == std::nullopt);
  CHECK(in->environment.session_start == "now");
  CHECK(in->environment.durable == "/d");
  CHECK(platform::path_inputs(*in).env_state == "/s");
  CHECK(platform::path_inputs(*in).env_runtime == "/r");
}

TEST_CASE("a session limit is a duration that a session can have, or none", "[platform]") {
  using platform::parse_session_limit;
  CHECK(*parse_session_limit("9h", "--session-limit") == Duration{std::chrono::hours{9}});
  CHECK(*parse_session_limit("7d", "--session-limit") == Duration{std::chrono::hours{168}});
  CHECK(*parse_session_limit("none", "--session-limit") == std::nullopt);
  const auto error = [](const char* text) {
    const auto limit = parse_session_limit(text, "--session-limit");
    return limit ? std::string("none") : limit.error().text;
  };
  CHECK(error("0") == "--session-limit: 0: no time at all: write none for no limit");
  CHECK(error("0h") == "--session-limit: 0h: no time at all: write none for no limit");
  CHECK(error("900h") == "--session-limit: 900h: longer than any session known: at most 31d; write "
                         "none for no limit");
  CHECK(error("9") == "--session-limit: 9: 9.0s is too short for any job: hours are written 9h");
  CHECK(error("-5m") != "none");
  CHECK(error("") != "none");
}

TEST_CASE("slots and the durable directory have their rules", "[platform]") {
  CHECK(*platform::parse_slots("3", "--slots") == 3);
  for (const char* bad : {"0", "-1", "1001", "two", ""}) {
    CHECK(platform::parse_slots(bad, "--slots").has_error());
  }
  CHECK(*platform::parse_durable("/d/", "--durable") == "/d");
  CHECK(*platform::parse_durable("/", "--durable") == "/");
  CHECK(*platform::parse_durable("none", "--durable") == std::nullopt);
  CHECK(*platform::parse_durable("rclone:drive:a/b/", "--durable") == "rclone:drive:a/b");
  CHECK(platform::parse_durable("rclone:drive", "--durable").has_error());
  CHECK(platform::parse_durable("~/d", "--durable").has_error());
  CHECK(platform::parse_durable("", "--durable").has_error());
}

} // namespace gpujob
