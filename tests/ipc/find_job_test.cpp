// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/find_job.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::policy;

namespace {

World three_jobs() {
  World w;
  int order = 0;
  for (const auto& [id, name] :
       {std::pair("abc11111", "digits"), {"abd22222", "digits"}, {"xyz33333", "abc11111x"}}) {
    Job job;
    job.id = id;
    job.order = ++order;
    job.spec.name = name;
    w.jobs[id] = job;
  }
  return w;
}

} // namespace

TEST_CASE("a job is found by id, by name (the newest), or by the start of its id") {
  const auto w = three_jobs();
  CHECK(ipc::find_job(w, "abc11111").value()->id == "abc11111");
  CHECK(ipc::find_job(w, "digits").value()->id == "abd22222");
  CHECK(ipc::find_job(w, "xy").value()->id == "xyz33333");
  CHECK_FALSE(ipc::find_job(w, "ab"));
  CHECK_FALSE(ipc::find_job(w, ""));
  CHECK_FALSE(ipc::find_job(w, "nobody"));
}
