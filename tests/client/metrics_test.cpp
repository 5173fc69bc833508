// SPDX-License-Identifier: Apache-2.0
#include "client/metrics/collect.h"
#include "client/metrics/openmetrics.h"
#include "client/metrics/token.h"
#include "common/file.h"
#include "tests/client/text.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <limits>
#include <sys/stat.h>

using namespace gpujob;
using namespace gpujob::client;
using gpujob::test::TempDir;

TEST_CASE("a family is told of once it has a sample, and a number that is not known makes none") {
  OpenMetrics m;
  m.gauge("a_seconds", "seconds", "Nothing is known.");
  m.sample({}, std::nullopt);
  m.sample({}, std::numeric_limits<double>::quiet_NaN());
  m.sample({}, std::numeric_limits<double>::infinity());
  m.counter("b", "Counted.");
  m.sample({{"x", "1"}, {"y", ""}}, 3);
  CHECK(m.text() == "# TYPE b counter\n# HELP b Counted.\nb_total{x=\"1\",y=\"\"} 3\n# EOF\n");
}

TEST_CASE("labels are whatever somebody called a job, and stay one line") {
  OpenMetrics m;
  m.gauge("a", "", "A.");
  m.sample({{"name", "a\"} 1\nb{x=\"\\\x1b[2J\xff"}}, 1);
  CHECK(has(m.text(), R"(a{name="a\"} 1\\x0ab{x=\"\\\\x1b[2J\\xff"} 1)"));
}

TEST_CASE("without a daemon there is one sample: that it is not up") {
  CHECK(metrics_text({}) == "# TYPE gpujob_up gauge\n# HELP gpujob_up 1 while a daemon answers.\n"
                            "gpujob_up 0\n# EOF\n");
}

TEST_CASE("answers that hold something else than expected make no samples") {
  Observed o;
  o.up = true;
  o.status = {{"jobs", {{"running", "many"}}}, {"uptime_s", "long"}, {"version", 7}};
  o.session = nlohmann::json::array();
  o.gpu = {{"devices", {1, nullptr, {{"use_percent", {1}}, {"jobs", 3}}}}};
  o.jobs = {nullptr, {{"id", 1}, {"checkpoints", {1, {{"confirmed", true}, {"at", "noon"}}}}}};
  const auto text = metrics_text(o);
  CHECK(has(text, "gpujob_up 1\n"));
  CHECK_FALSE(has(text, "gpujob_jobs{"));
  CHECK_FALSE(has(text, "gpujob_gpu_utilization"));
}

TEST_CASE("Xid errors are counted where the driver tells of them") {
  Observed o;
  o.up = true;
  o.gpu = {
      {"devices",
       {{{"uuid", "GPU-1"}, {"index", 0}, {"name", "T4"}, {"xid", {{"last", 79}, {"count", 2}}}},
        {{"uuid", "GPU-2"}, {"index", 1}, {"name", "T4"}, {"xid", nullptr}}}}};
  const auto text = metrics_text(o);
  CHECK(has(text, "# TYPE gpujob_gpu_xid_errors counter\n"));
  CHECK(has(text, "gpujob_gpu_xid_errors_total{gpu=\"GPU-1\",index=\"0\",model=\"T4\"} 2\n"));
  CHECK_FALSE(has(text, "gpujob_gpu_xid_errors_total{gpu=\"GPU-2\""));
  o.gpu["devices"].erase(0);
  CHECK_FALSE(has(metrics_text(o), "xid"));
}

TEST_CASE("a token is made once, and only its owner reads it") {
  TempDir dir;
  const auto made = make_token(dir / "r");
  REQUIRE(made);
  struct stat file {};
  REQUIRE(::stat(made->c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
  const auto token = read_file(*made, 100).value();
  CHECK(token.size() == 41);
  REQUIRE(make_token(dir / "r"));
  CHECK(read_file(*made, 100).value() == token);
  REQUIRE(make_token(dir / "other"));
  CHECK(read_file(dir / "other/metrics.token", 100).value() != token);
}

TEST_CASE("a token file that others can read, or that holds none, is refused") {
  TempDir dir;
  const auto path = dir / "token";
  CHECK_FALSE(check_token(path));
  REQUIRE(atomic_publish(path, "a-good-token\n"));
  CHECK(check_token(path));
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  CHECK(check_token(path).error().text.find("chmod 600") != std::string::npos);
  for (const auto* text : {"", "short", "two words in it", "\n\n"}) {
    REQUIRE(atomic_replace(path, text));
    CHECK_FALSE(check_token(path));
  }
}
