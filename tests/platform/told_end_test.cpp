// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/choice.h"
#include "daemon/platform/told_end.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <chrono>
#include <filesystem>
#include <fstream>

using namespace gpujob;
using namespace gpujob::platform;
using namespace std::chrono_literals;

namespace {

SessionSettings begun_at(Duration boot) {
  SessionSettings s;
  s.start.boot = BootTime{boot};
  return s;
}

Profile with_margin(Duration margin) {
  Profile p;
  p.margin = margin;
  p.end_program = "squeue";
  return p;
}

} // namespace

TEST_CASE("squeue's time left is days, hours, minutes and seconds", "[platform]") {
  CHECK(*read_time_left("1-02:03:04\n") == std::optional<Duration>(26h + 3min + 4s));
  CHECK(*read_time_left("2:03:04") == std::optional<Duration>(2h + 3min + 4s));
  CHECK(*read_time_left("59:59") == std::optional<Duration>(59min + 59s));
  CHECK(*read_time_left("0:00") == std::optional<Duration>(0s));
}

TEST_CASE("a job of Slurm without a limit has no end", "[platform]") {
  CHECK(*read_time_left("UNLIMITED\n") == std::optional<Duration>());
  CHECK(*read_time_left("NOT_SET") == std::optional<Duration>());
}

TEST_CASE("what is no time left is said, never taken for one", "[platform]") {
  for (const auto* text : {"", "INVALID", "12", "-1:00", "1:2:3:4", "a:b", "1-", "99999:00",
                           "slurm_load_jobs error: Invalid job id specified"}) {
    INFO(text);
    const auto left = read_time_left(text);
    REQUIRE_FALSE(left);
    CHECK(left.error().code == Errc::bad_data);
  }
}

TEST_CASE("the end that the platform tells is the limit, with its margin", "[platform]") {
  auto s = begun_at(1h);
  CHECK(take_told_end(s, with_margin(10min), BootTime{4h}, "squeue"));
  CHECK(s.limit->value == 3h);
  CHECK(s.limit->source == "squeue says so");
  CHECK(s.margin == 10min);
  // Asked again, in whole seconds: no news.
  CHECK_FALSE(take_told_end(s, with_margin(10min), BootTime{4h + 2s}, "squeue"));
  // The limit of the job was raised.
  CHECK(take_told_end(s, with_margin(10min), BootTime{6h}, "squeue"));
  CHECK(s.limit->value == 5h);
}

TEST_CASE("a person's word of the limit stands against the platform's", "[platform]") {
  auto s = begun_at(1h);
  s.limit = SessionLimit{2h, {}, "", "", Confidence::high};
  s.settings[key::k_limit.name].origin = Origin::flag;
  CHECK_FALSE(take_told_end(s, with_margin(10min), BootTime{9h}, "squeue"));
  CHECK(s.limit->value == 2h);
}

TEST_CASE("squeue is asked where it is, about a job that has a number", "[platform]") {
  const test::TempDir dir;
  const auto exe = dir.path() + "/squeue";
  std::ofstream(exe) << "#!/bin/sh\n";
  std::filesystem::permissions(exe, std::filesystem::perms::owner_all);
  const std::vector<std::string> env{"HOME=/", "PATH=/nonexistent:" + dir.path()};
  const auto question = find_end_question(with_margin(0s), "77", env);
  REQUIRE(question);
  CHECK(question->exe == exe);
  CHECK(question->arguments == std::vector<std::string>{"-h", "-j", "77", "-o", "%L"});
  CHECK_FALSE(find_end_question(with_margin(0s), "; rm", env));
  CHECK_FALSE(find_end_question(with_margin(0s), "77", {"PATH=/nonexistent"}));
  CHECK_FALSE(find_end_question(Profile{}, "77", env));
}
