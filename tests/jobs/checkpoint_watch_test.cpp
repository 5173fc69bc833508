// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/checkpoint_watch.h"

#include "common/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>

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
  watch.known({{dir / "model.bin", signature_of(dir / "model.bin")}});
  CHECK(watch.look(k_start + 5s, false).empty());
}

TEST_CASE("what was written before the one that is known is overtaken by it, not found after it") {
  TempDir dir;
  CheckpointWatch watch(dir.path(), {});
  const auto write = [&](const char* name, const char* text, std::time_t at) {
    REQUIRE(atomic_replace(dir / name, text));
    const timespec times[2] = {{at, 0}, {at, 0}};
    REQUIRE(::utimensat(AT_FDCWD, (dir / name).c_str(), times, 0) == 0);
  };
  write("a.bin", "by itself", 1000);
  write("b.bin", "told of", 1001);
  write("c.bin", "by itself", 1002);
  SECTION("the newer one is still to be found") {
    watch.known({{dir / "b.bin", signature_of(dir / "b.bin")}});
    const auto found = watch.look(k_start, true);
    REQUIRE(found.size() == 1);
    CHECK(found[0].path == dir / "c.bin");
  }
  SECTION("also where the known one lies elsewhere") {
    CheckpointWatch other(dir.path(), {});
    TempDir elsewhere;
    REQUIRE(atomic_replace(elsewhere / "now.bin", "told of"));
    other.known({{elsewhere / "now.bin", signature_of(elsewhere / "now.bin")}});
    CHECK(other.look(k_start, true).empty());
  }
  SECTION("not when what is there now is not what was known, or is not whole") {
    watch.known({{dir / "b.bin", "of other files"}, {dir / "gone.bin", ""}});
    write("d.pt", "PK\003\004 cut off in the middle", 1003);
    watch.known({{dir / "d.pt", signature_of(dir / "d.pt")}});
    CHECK(watch.look(k_start, true).size() == 3);
  }
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

TEST_CASE("what is quiet and not whole is told of once, until it changes") {
  TempDir dir;
  CheckpointWatch watch(dir.path(), {});
  REQUIRE(atomic_replace(dir / "model.pt", "PK\003\004 cut off in the middle"));
  CHECK(watch.look(k_start, false).empty());
  CHECK(watch.take_passed_over().empty()); // it may be being written
  CHECK(watch.look(k_start + 2s, false).empty());
  const auto passed = watch.take_passed_over();
  REQUIRE(passed.size() == 1);
  CHECK(passed[0].path == dir / "model.pt");
  CHECK_FALSE(passed[0].why.empty());
  CHECK(watch.look(k_start + 5s, false).empty());
  CHECK(watch.take_passed_over().empty());
  REQUIRE(atomic_replace(dir / "model.pt", "PK\003\004 cut off in the middle, and grown"));
  CHECK(watch.look(k_start + 6s, false).empty());
  CHECK(watch.look(k_start + 8s, false).empty());
  CHECK(watch.take_passed_over().size() == 1);
}
