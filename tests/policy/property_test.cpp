// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/gpu_fixture.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

#include <map>
#include <random>

using namespace gpujob;
using namespace gpujob::test;

namespace {

/// Random events in any order, sensible or not: the core must be total.
struct Storm {
  std::mt19937 random;
  Bench b;
  std::map<JobId, std::int64_t> seqs;
  int submitted = 0;

  explicit Storm(unsigned seed) : random(seed) {
    if (pick(2) == 0) {
      b.session(std::chrono::seconds(30 + pick(4000)), std::chrono::seconds(pick(20)));
    }
    if (pick(2) == 0) {
      b.durable();
    }
    b.w.slots = 1 + pick(3);
    b.w.slots_said = pick(2) == 0;
  }

  int pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); }

  JobId any_job() { return "j" + std::to_string(1 + pick(std::max(submitted, 1) + 1)); }
  int attempt_of(const JobId& id) {
    const auto it = b.w.jobs.find(id);
    return it == b.w.jobs.end() ? 1 : it->second.attempt - (pick(10) == 0 ? 1 : 0);
  }

  JobSpec spec() {
    auto s = Bench::spec("n" + std::to_string(pick(4)));
    s.max_failures = pick(3);
    s.max_interruptions = pick(4) - 1;
    s.max_no_progress = pick(4);
    if (pick(3) == 0) {
      s.lead = std::chrono::seconds(pick(60));
    }
    constexpr const char* k_gpus[] = {"",  "",    "none", "1",        "1",
                                      "2", "all", "0,1",  "device=1", "GPU-a"};
    s.gpus = k_gpus[pick(10)];
    if (wants_gpus(s) && pick(3) == 0) {
      s.gpu_memory = (1 + pick(20)) * k_gb;
    }
    if (pick(3) == 0) {
      s.idle_gpu = std::chrono::seconds(pick(20));
      s.idle_gpu_stop = std::chrono::seconds(pick(60));
    }
    return s;
  }

  /// Any GPUs, with anybody on them.
  GpusSeen gpus() {
    GpusSeen e;
    e.gpus.looked = pick(8) != 0;
    e.gpus.why = pick(8) == 0 ? "no answer" : "";
    for (int i = 0; i < pick(4); ++i) {
      auto g = gpu(i);
      g.usable = pick(6) != 0;
      g.strangers = pick(5) == 0;
      g.memory_free = pick(6) == 0 ? std::nullopt : std::optional((16 - pick(4) * pick(6)) * k_gb);
      g.use_percent = pick(4) == 0 ? std::nullopt : std::optional(pick(2) * 50.0);
      if (pick(3) == 0) {
        g.jobs.insert(any_job());
      }
      if (!g.usable && pick(2) == 0) {
        e.gpus.list.push_back(mig(g, i)); // by i: no two have one UUID
      }
      e.gpus.list.push_back(std::move(g));
    }
    return e;
  }

  journal::Body body() {
    switch (pick(10)) {
    case 0:
      return journal::Catches{"USR1", 5};
    case 1:
    case 2:
      return journal::Requested{pick(3), pick(2) == 0, pick(2) == 0 ? "USR1" : "", {5}};
    case 3:
    case 4:
    case 5:
      return journal::Checkpoint{"notify", pick(4) == 0 ? "" : "/c/m", pick(100)};
    case 6:
      return journal::TermSent{EndReason::session_limit};
    case 7:
      return journal::DoneMark{};
    case 8:
      return journal::Progress{0.5};
    default:
      return journal::Started{5};
    }
  }

  ExitRecord record(const JobId& id) {
    ExitRecord r;
    r.job_id = id;
    constexpr int k_codes[] = {0, 0, 1, 85, 75, 127, 143};
    if (pick(3) == 0) {
      r.signal = pick(2) == 0 ? 15 : 9;
    } else {
      r.code = k_codes[pick(7)];
    }
    if (pick(3) == 0) {
      r.term_sent = pick(2) == 0 ? EndReason::session_limit : EndReason::stop;
    }
    r.final_requested = pick(2) == 0;
    r.done_mark = pick(5) == 0;
    return r;
  }

  Event event() {
    const auto id = any_job();
    switch (pick(15)) {
    case 13:
      return pick(2) == 0 ? Event(gpus()) : Event(Tick{});
    case 0:
      return Submitted{"j" + std::to_string(++submitted), spec(), pick(2) == 0};
    case 1:
      return Resumed{id, spec()};
    case 2:
      return StopAsked{id, pick(2) == 0};
    case 3:
      return CheckpointAsked{id};
    case 4:
      return pick(3) == 0 ? Event(Removed{id}) : Event(Tick{});
    case 5:
      return Prepared{id,
                      attempt_of(id),
                      pick(5) != 0,
                      "why",
                      pick(2) == 0 ? "/c/m" : "",
                      "local",
                      pick(3) == 0 ? std::vector<std::string>{"/c/0: bad"}
                                   : std::vector<std::string>{}};
    case 6:
      return pick(4) == 0 ? Event(LaunchFailed{id, attempt_of(id), "why"}) : Event(Tick{});
    case 7:
    case 8:
      return ShimRecord{id,
                        attempt_of(id),
                        {++seqs[id], b.now.boot, b.now.wall, body()},
                        "sig" + std::to_string(pick(50)),
                        ""};
    case 9:
      return ShimGone{id, attempt_of(id), pick(5) == 0 ? std::nullopt : std::optional(record(id)),
                      pick(4) != 0};
    case 10:
      return CheckpointFound{
          id,      attempt_of(id),
          "/c/f",  "sig" + std::to_string(pick(50)),
          "files", pick(2) == 0 ? std::nullopt : std::optional(b.now.boot - 1s * pick(9))};
    case 11: {
      const bool ok = pick(4) != 0;
      return Secured{id,
                     1 + pick(8),
                     ok,
                     "bad",
                     10,
                     "/m",
                     ok && pick(2) == 0 ? "stored" : "",
                     "/d",
                     ok && pick(3) == 0 ? "full" : "",
                     pick(6) != 0};
    }
    case 12:
      return pick(3) == 0 ? Event(HeartbeatWritten{})
                          : Event(RecordWritten{id, pick(2) == 0, pick(3) != 0});
    default:
      return Tick{};
    }
  }
};

bool is_user_event(const Event& e) {
  return std::holds_alternative<Resumed>(e) || std::holds_alternative<Removed>(e) ||
         std::holds_alternative<Imported>(e);
}

void check_plan(const World& w, const Plan& p) {
  if (p.request_at && p.term_at && !p.saved) {
    CHECK(*p.request_at <= *p.term_at);
  }
  if (w.session.plan_end && p.reason == EndReason::session_limit) {
    REQUIRE(p.term_at);
    CHECK(*p.term_at <= *w.session.plan_end);
  }
  CHECK(plan_from_json(to_json(p))); // what the shim and the database take
}

/// A GPU that is some job's own is no other's; who shares one has said how much he needs.
void check_gpus(const World& w) {
  std::map<std::string, std::vector<const Job*>> holders;
  for (const auto& [id, job] : w.jobs) {
    for (const auto& gpu : is_at_work(job) ? job.gpus : std::vector<AssignedGpu>{}) {
      holders[gpu.uuid].push_back(&job);
    }
    if (is_at_work(job)) {
      REQUIRE(job.gpus.empty() != wants_gpus(job.spec));
    }
  }
  for (const auto& [uuid, jobs] : holders) {
    std::int64_t said = 0;
    for (const auto* job : jobs) {
      REQUIRE((jobs.size() == 1 || job->spec.gpu_memory));
      said += job->spec.gpu_memory.value_or(0);
    }
    REQUIRE((jobs.size() == 1 || said <= 16 * k_gb));
  }
}

} // namespace

TEST_CASE("over random event sequences the core keeps its promises") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    Storm s(seed);
    auto& b = s.b;
    INFO("seed " << seed);
    for (int i = 0; i < 150; ++i) {
      std::map<JobId, std::string> ended;
      for (const auto& [id, job] : b.w.jobs) {
        if (job.ended_state() != nullptr) {
          ended[id] = std::string(state_text(job));
        }
      }
      const auto e = s.event();
      b.step(e);

      // Deciding after its own intents returns nothing.
      const auto again = decide(b.w, b.now);
      INFO("event " << e.index() << ", action "
                    << (again.actions.empty() ? 99 : again.actions[0].index()));
      REQUIRE(again.actions.empty());

      // An end is an end, unless the user says otherwise.
      if (!is_user_event(e)) {
        for (const auto& [id, state] : ended) {
          REQUIRE(b.state(id) == state);
        }
      }
      check_gpus(b.w);
      // Never more at once than there are slots.
      REQUIRE(jobs_in_slots(b.w) <= b.w.slots);

      for (const auto& [id, job] : b.w.jobs) {
        // Every refusal, wait and end has a reason a person can read.
        const auto state = state_text(job);
        if (state != "starting" && state != "running" && state != "ending") {
          REQUIRE_FALSE(reason_text(job).empty());
          REQUIRE_FALSE(reason_now(b.w, job, b.now).empty());
        }
        // The queue is exactly the queued; what is under way is looked at.
        REQUIRE(b.w.queue.contains({job.order, id}) == (state == "queued"));
        const auto line = b.w.asks.find({job.spec.gpus, job.spec.gpu_memory});
        REQUIRE((line != b.w.asks.end() && line->second.contains({job.order, id})) ==
                (state == "queued"));
        if (state == "starting" || state == "running" || state == "ending") {
          REQUIRE(b.w.active.contains(id));
        }
        // A result that is known is one a shell can return.
        if (const auto code = run_exit(job)) {
          REQUIRE((*code >= 0 && *code <= 255));
        }
        if (state == "running") {
          check_plan(b.w, desired_plan(b.w, job));
        }
      }
      // Whatever runs has a plan that was given to its shim.
      for (const auto& id : b.w.active) {
        if (const auto* running = std::get_if<Running>(&b.w.jobs.at(id).state)) {
          REQUIRE(running->plan_given);
          REQUIRE(same_course(*running->plan_given, desired_plan(b.w, b.w.jobs.at(id))));
        }
      }
      b.pass(std::chrono::milliseconds(s.pick(3) == 0 ? s.pick(20000) : 0));
    }
  }
}

TEST_CASE("nothing starts in a session that has no time for it") {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    Storm s(seed);
    s.b.session(60s);
    for (int i = 0; i < 100; ++i) {
      s.b.step(s.event());
      for (const auto& a : s.b.last.actions) {
        if (const auto* launch = std::get_if<Launch>(&a); launch && launch->attempt > 0) {
          const bool resumed = !s.b.job(launch->id).resume_from.empty();
          INFO("seed " << seed);
          // A prepared resume may be launched later than it was decided; a fresh start may not.
          if (!resumed && s.b.job(launch->id).checkpoints.empty()) {
            CHECK(s.b.now.boot < *s.b.w.session.plan_end);
          }
        }
      }
      s.b.pass(std::chrono::milliseconds(s.pick(2000)));
    }
  }
}

TEST_CASE("once the GPUs are free whoever waits for them gets them, in any order of things") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    Storm s(seed);
    auto& b = s.b;
    INFO("seed " << seed);
    b.w.session = {};
    for (int i = 0; i < 100; ++i) {
      b.step(s.event());
      b.pass(std::chrono::milliseconds(s.pick(5000)));
    }
    // From now on the machine is well, nobody else is on it, and every job ends when it has run.
    std::vector<Gpu> list{gpu(0), gpu(1), gpu(2)};
    b.step(GpusSeen{looked(list)});
    for (int i = 0; i < 400 && !(b.w.queue.empty() && b.w.active.empty()); ++i) {
      b.pass(60s); // what could be about to use a GPU has shown itself
      b.tick();
      for (const auto& [id, job] : std::map(b.w.jobs)) {
        if (const auto* starting = std::get_if<Starting>(&job.state)) {
          b.step(starting->launch == Work::issued
                     ? Event(ShimRecord{
                           id,
                           job.attempt,
                           {++s.seqs[id] + 1000, b.now.boot, b.now.wall, journal::Started{5}},
                           "",
                           ""})
                     : Event(Prepared{id, job.attempt, true, "", "/c/m", "local", {}}));
        } else if (std::holds_alternative<Running>(job.state)) {
          ExitRecord r;
          r.job_id = id;
          r.code = 0;
          b.step(ShimGone{id, job.attempt, r, true});
        }
        for (const auto& c : job.checkpoints) {
          b.step(Secured{id, c.seq, true, "", 10, "/m", "stored", "/d", "", true});
        }
        b.step(RecordWritten{id, false, true});
        b.step(RecordWritten{id, true, true});
      }
    }
    for (const auto& [order, id] : b.w.queue) {
      const auto never = gpu_refusal(b.w, b.job(id).spec);
      INFO(id << " " << b.job(id).spec.gpus << ": " << reason_now(b.w, b.job(id), b.now));
      REQUIRE(never);
    }
  }
}
