// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/attempt_files.h"

#include "common/file.h"
#include "common/launch.h"
#include "tests/support/catch.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/temp_dir.h"

#include <optional>
#include <utility>

using namespace gpujob;
using namespace gpujob::jobs;
using gpujob::test::TempDir;

TEST_CASE("a shim is alive exactly while somebody holds the lock") {
  TempDir dir;
  CHECK_FALSE(shim_alive(dir.path()));
  {
    const auto lock = lock_file(dir / attempt_file::k_lock);
    REQUIRE(lock);
    CHECK(shim_alive(dir.path()));
  }
  CHECK_FALSE(shim_alive(dir.path()));
}

TEST_CASE("records that are missing or do not read are not known") {
  TempDir dir;
  CHECK_FALSE(read_start(dir.path()));
  CHECK_FALSE(read_exit_record(dir.path()).value());
  CHECK_FALSE(left_behind(dir.path(), attempt_file::k_exit));
  REQUIRE(atomic_replace(dir / attempt_file::k_exit, "{\"v\":1,\"code\":0"));
  CHECK_FALSE(read_exit_record(dir.path()).value());
  CHECK(left_behind(dir.path(), attempt_file::k_exit));
}

TEST_CASE("out of descriptors nobody is dead and nothing is missing") {
  TempDir dir;
  REQUIRE(atomic_replace(dir / attempt_file::k_exit, "{}"));
  REQUIRE(atomic_replace(dir / attempt_file::k_journal, "{}\n"));
  {
    const auto lock = lock_file(dir / attempt_file::k_lock);
    REQUIRE(lock);
  }
  std::optional<test::NoDescriptors> none(std::in_place);
  const bool alive = shim_alive(dir.path());
  const bool left = left_behind(dir.path(), attempt_file::k_exit);
  const auto exit = read_exit_record(dir.path());
  const auto journal = read_journal(dir.path(), 0);
  none.reset(); // the sanitizers need some themselves, at every check
  CHECK(alive);
  CHECK(left);
  REQUIRE_FALSE(exit);
  CHECK(exit.error().code == Errc::io);
  CHECK_FALSE(journal);
}

TEST_CASE("the journal is read from a number on, without a half line or a bad one") {
  TempDir dir;
  const auto line = [](std::int64_t seq) {
    return journal::encode({seq, boot_from_ns(seq), wall_from_ns(seq), journal::Ready{}});
  };
  REQUIRE(atomic_replace(dir / attempt_file::k_journal,
                         line(1) + line(2) + "rubbish\n" + line(3) + line(4).substr(0, 10)));
  const auto records = read_journal(dir.path(), 1);
  REQUIRE(records);
  REQUIRE(records->size() == 2);
  CHECK((*records)[0].seq == 2);
  CHECK((*records)[1].seq == 3);
}
