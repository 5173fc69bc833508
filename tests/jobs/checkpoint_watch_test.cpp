// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/checkpoint_watch.h"

#include "common/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <chrono>

using namespace gpujob;
using namespace gpujob::jobs;
using namespace std::chrono_literals;
using gpujob::test::TempDir;

namespace {
constexpr BootTime k_start = boot_from_ns(1'000'000'000);
}

TEST_CASE("a file counts when it has not changed for two seconds, and once") {
  TempDir dir;
  CheckpointWatch watch(dir.path(), {});
  REQUIRE(atomic_replace(dir / "model.bin", "weights"));
  CHECK(watch.look(k_start, false).empty());
  CHECK(watch.look(k_start + 1s, false).empty());
  REQUIRE(atomic_replace(dir / "model.bin", "other weights"));
  CHECK(watch.look(k_start + 2s, false).empty());
  const auto found = watch.look(k_start + 4s, false);
  REQUIRE(found.size() == 1);
  CHECK(found[0].path == dir / "model.bin");
  CHECK(found[0].signature == signature_of(dir / "model.bin"));
  CHECK(watch.look(k_start + 9s, false).empty());
}

TEST_CASE("an incomplete or temporary file never counts") {
  TempDir dir;
  CheckpointWatch watch(dir.path(), {});
  REQUIRE(atomic_replace(dir / "model.pt", "PK\003\004 cut off in the middle"));
  REQUIRE(atomic_replace(dir / "model.bin.tmp", "weights"));
  REQUIRE(atomic_replace(dir / "empty.bin", ""));
  CHECK(watch.look(k_start, true).empty());
  CHECK(watch.look(k_start + 5s, false).empty());
}

TEST_CASE("at once means now, when nobody can be writing any more") {
  TempDir dir;
  CheckpointWatch watch(dir.path(), {});
  REQUIRE(atomic_replace(dir / "model.bin", "weights"));
  CHECK(watch.look(k_start, true).size() == 1);
}

TEST_CASE("what the job told about itself is not found again") {
  TempDir dir;
  CheckpointWatch watch(dir.path(), {});
  REQUIRE(atomic_replace(dir / "model.bin", "weights"));
  CHECK(watch.look(k_start, false).empty());
  watch.known(signature_of(dir / "model.bin"));
  CHECK(watch.look(k_start + 5s, false).empty());
}

TEST_CASE("globs are watched beside the directory, and odd names are names") {
  TempDir dir;
  TempDir other;
  CheckpointWatch watch(dir.path(), {other / "*.bin"});
  REQUIRE(atomic_replace(other / "a[1].bin", "weights"));
  REQUIRE(watch.baseline().size() == 1);
  CHECK(watch.look(k_start, true).size() == 1);
  CHECK_FALSE(signature_of(other / "a[1].bin").empty());
  CHECK(signature_of(other / "nothing").empty());
}
