// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/orphans.h"

#include "daemon/process/launcher.h"
#include "tests/support/catch.h"
#include "tests/support/wait.h"

#include <poll.h>

using namespace gpujob;

namespace {

bool ended(const process::Started& p) {
  pollfd fd{p.pidfd.get(), POLLIN, 0};
  return ::poll(&fd, 1, 0) == 1;
}

} // namespace

TEST_CASE("every process that carries the job's id is ended, others are left alone") {
  auto marked = process::start(
      {"/usr/bin/env", {"GPUJOB_JOB_ID=orphantest", "/bin/sh", "-c", "sleep 100 & sleep 100"}});
  auto other = process::start({"/usr/bin/env", {"GPUJOB_JOB_ID=orphantest2", "/bin/sleep", "100"}});
  REQUIRE(marked);
  REQUIRE(other);
  // env(1) must have exec'd before its environment says so.
  REQUIRE(test::wait_until([&] { return jobs::end_orphans("orphantest") > 0; }));
  CHECK(test::wait_until([&] { return ended(*marked); }));
  CHECK_FALSE(ended(*other));
  REQUIRE(test::wait_until([&] { return jobs::end_orphans("orphantest2") > 0; }));
  process::reap(marked->pidfd);
  process::reap(other->pidfd);
}
