// SPDX-License-Identifier: Apache-2.0
#include "daemon/job_moments.h"

#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::policy;

namespace {

using Moments = std::vector<JobMoments::Moment>;

struct Life {
  World w;
  Job& job;

  Life() : job(w.jobs["j"]) {
    job.id = "j";
    job.attempt = 1;
  }
  Moments seen(JobMoments& moments) { return moments.observe(w, {}, {"j"}); }
};

Checkpoint checkpoint(int seq, CheckpointState state) {
  Checkpoint c;
  c.seq = seq;
  c.state = state;
  return c;
}

} // namespace

TEST_CASE("a job's life has its moments, each once") {
  Life life;
  JobMoments moments(life.w);
  life.job.state = Starting{};
  CHECK(life.seen(moments).empty());
  life.job.state = Running{};
  CHECK(life.seen(moments) == Moments{{"start", "j", 1}});
  CHECK(life.seen(moments).empty());
  life.job.checkpoints = {checkpoint(1, CheckpointState::heard)};
  CHECK(life.seen(moments).empty()); // perhaps none
  life.job.checkpoints[0].state = CheckpointState::verified;
  CHECK(life.seen(moments) == Moments{{"checkpoint", "j", 1}});
  std::get<Running>(life.job.state).request = Request{1, true, {}, "USR1", {}, {}};
  CHECK(life.seen(moments) == Moments{{"limit", "j", 1}});
  life.job.state = Ending{};
  CHECK(life.seen(moments) == Moments{{"end", "j", 1}});
  life.job.state = Ended{};
  CHECK(life.seen(moments).empty());
  life.job.attempt = 2;
  life.job.state = Running{};
  CHECK(life.seen(moments) == Moments{{"start", "j", 2}});
}

TEST_CASE("a warning is a moment of a job that runs") {
  Life life;
  JobMoments moments(life.w);
  const std::vector<Announcement> warning{{"j", "ends soon", false, true}};
  CHECK(moments.observe(life.w, warning, {}).empty());
  life.job.state = Running{};
  CHECK(moments.observe(life.w, warning, {"j"}).size() == 2); // it has started, too
  CHECK(moments.observe(life.w, warning, {}) == Moments{{"warning", "j", 1}});
  const std::vector<Announcement> words{{"j", "no warning"}, {"nobody", "x", false, true}};
  CHECK(moments.observe(life.w, words, {}).empty());
}

TEST_CASE("what was so before the daemon began is no news, nor is another session's job") {
  Life life;
  life.job.state = Running{};
  life.job.checkpoints = {checkpoint(3, CheckpointState::verified)};
  JobMoments moments(life.w);
  CHECK(life.seen(moments).empty());
  life.job.imported = true;
  life.job.state = Ended{};
  life.job.checkpoints.push_back(checkpoint(4, CheckpointState::verified));
  CHECK(life.seen(moments).empty());
  life.w.jobs.clear();
  CHECK(moments.observe(life.w, {}, {"j"}).empty());
}
