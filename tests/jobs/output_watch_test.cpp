// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/output_watch.h"

#include "common/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <fstream>
#include <string>
#include <unistd.h>

using namespace gpujob;
using namespace gpujob::jobs;
using gpujob::test::TempDir;

namespace {
void append(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}
} // namespace

TEST_CASE("output that has not grown says nothing new") {
  TempDir dir;
  OutputWatch watch(dir / "output.log");
  CHECK(!watch.look());
  append(dir / "output.log", "\r 45%|# | 450/1000 [00:32<00:39, 14.0it/s]");
  REQUIRE(watch.look());
  CHECK(!watch.look());
  append(dir / "output.log", "\r 46%|# | 460/1000 [00:33<00:38, 14.0it/s]");
  CHECK(watch.look()->done == Approx(0.46));
}

TEST_CASE("of much output the end is read") {
  TempDir dir;
  OutputWatch watch(dir / "output.log");
  append(dir / "output.log", " 10%|# | 10/100 [00:01<00:09, 10.0it/s]\n" +
                                 std::string(1 << 20, 'x') +
                                 "\n 45%|# | 45/100 [00:04<00:05, 10.0it/s]\n");
  CHECK(watch.look()->done == Approx(0.45));
}

TEST_CASE("output that somebody has cut off is read on") {
  TempDir dir;
  OutputWatch watch(dir / "output.log");
  append(dir / "output.log", std::string(1000, 'x') + "\n");
  CHECK(!watch.look());
  REQUIRE(::truncate((dir / "output.log").c_str(), 0) == 0);
  append(dir / "output.log", " 45%|# | 45/100 [00:04<00:05, 10.0it/s]\n");
  CHECK(watch.look()->done == Approx(0.45));
}

TEST_CASE("what is no file is not read") {
  TempDir dir;
  OutputWatch watch(dir.path());
  CHECK(!watch.look());
}
