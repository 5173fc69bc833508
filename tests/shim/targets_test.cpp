// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/targets.h"
#include "tests/support/catch.h"

#include <csignal>

using namespace gpujob;
using namespace std::chrono_literals;
using shim::Candidate;
using shim::choose_targets;
using shim::make_rule;

namespace {

std::uint64_t mask(std::initializer_list<int> signals) {
  std::uint64_t bits = 0;
  for (const int s : signals) {
    bits |= std::uint64_t{1} << static_cast<unsigned>(s - 1);
  }
  return bits;
}

struct Process {
  int pid = 0, ppid = 0;
  std::initializer_list<int> caught;
  bool forked = false;
  bool torch = false;
  int pgrp = 100;
  std::initializer_list<int> passes_on = {};
};

Candidate process(const Process& p) {
  Candidate c;
  c.stat.pid = p.pid;
  c.stat.ppid = p.ppid;
  c.stat.pgrp = p.pgrp;
  c.caught = mask(p.caught);
  c.same_image_as_parent = p.forked;
  c.torch_agent = p.torch;
  c.passes_on = mask(p.passes_on);
  return c;
}

std::vector<int> pids(const shim::Choice& choice) {
  std::vector<int> out;
  for (const auto& target : choice.targets) {
    out.push_back(target.pid);
  }
  return out;
}

constexpr int k_leader = 100;
using Pids = std::vector<int>;

shim::Choice choose(const std::vector<Candidate>& all, const char* signal = "auto",
                    const char* target = "auto", Duration grace = 60s) {
  return choose_targets(all, make_rule(signal, target), k_leader, grace);
}

} // namespace

TEST_CASE("The best signal that somebody catches is taken: USR2, USR1, TERM") {
  CHECK(choose({process({100, 1, {SIGUSR1, SIGUSR2, SIGTERM}})}).signal == SIGUSR2);
  CHECK(choose({process({100, 1, {SIGUSR1, SIGTERM}})}).signal == SIGUSR1);
  CHECK(choose({process({100, 1, {SIGTERM}})}).signal == SIGTERM);
}

TEST_CASE("Who does not catch the signal is not sent it") {
  const auto none = choose({process({100, 1, {SIGINT, SIGCHLD}})});
  CHECK(none.signal == 0);
  CHECK(none.targets.empty());
  CHECK(pids(choose({process({100, 1, {}}), process({101, 100, {SIGUSR1}})})) == Pids{101});
}

TEST_CASE("A forked worker is left alone beside the parent it has its handlers from") {
  const std::vector<Candidate> all{process({100, 1, {SIGUSR1}}),
                                   process({101, 100, {SIGUSR1}, true}),
                                   process({102, 101, {SIGUSR1}, true})};
  CHECK(pids(choose(all)) == Pids{100});
  CHECK(pids(choose(all, "USR1", "tree")) == Pids{100});
  CHECK(pids(choose(all, "USR1", "group")) == Pids{100});
}

TEST_CASE("A forked process that caught it itself is asked when its parent does not catch it") {
  CHECK(pids(choose({process({100, 1, {}}), process({101, 100, {SIGUSR1}, true})})) == Pids{101});
}

TEST_CASE("A process below a forked one that does not catch still has the top one's handlers") {
  CHECK(pids(choose({process({100, 1, {SIGUSR1}}), process({101, 100, {}, true}),
                     process({102, 101, {SIGUSR1}, true})})) == Pids{100});
}

TEST_CASE("Each exec lineage is asked at its top") {
  const std::vector<Candidate> all{process({100, 1, {SIGUSR1}}), process({101, 100, {SIGUSR1}}),
                                   process({102, 101, {SIGUSR1}, true})};
  CHECK(pids(choose(all)) == Pids{100, 101});
}

TEST_CASE("One request carries one signal: who catches only a weaker one is not asked") {
  // A logging service that catches TERM to end itself must not get it when the trainer takes USR1.
  const auto c = choose({process({100, 1, {SIGUSR1}}), process({101, 100, {SIGTERM}})});
  CHECK(c.signal == SIGUSR1);
  CHECK(pids(c) == Pids{100});
}

TEST_CASE("A signal asked for by name is the only one") {
  const std::vector<Candidate> all{process({100, 1, {SIGUSR2, SIGURG}})};
  CHECK(choose(all, "URG").signal == SIGURG);
  CHECK(choose(all, "SIGURG").signal == SIGURG);
  CHECK(choose(all, "INT").signal == 0);
  CHECK(choose(all, "none").signal == 0);
}

TEST_CASE("The target narrows who is asked") {
  const std::vector<Candidate> all{process({100, 1, {}}), process({101, 100, {SIGUSR1}}),
                                   process({102, 100, {SIGUSR1}, false, false, 102})};
  CHECK(pids(choose(all, "auto", "leader")).empty());
  CHECK(pids(choose(all, "auto", "group")) == Pids{101});
  CHECK(pids(choose(all, "auto", "tree")) == Pids{101, 102});
}

TEST_CASE("Below torchrun the workers are asked, the agent only alone and for a short save") {
  const auto agent = process({100, 1, {SIGTERM}, false, true});
  const auto worker = process({101, 100, {SIGTERM}});
  CHECK(pids(choose({agent, worker})) == Pids{101});
  CHECK(pids(choose({agent}, "auto", "auto", 60s)).empty());
  CHECK(pids(choose({agent}, "auto", "auto", 20s)) == Pids{100});
  CHECK(pids(choose({agent, worker}, "TERM", "tree")) == Pids{100, 101});
}

TEST_CASE("A request after which the job goes on does not use TERM unless it was named") {
  const std::vector<Candidate> all{process({100, 1, {SIGTERM}})};
  CHECK(choose_targets(all, shim::for_continue(make_rule("auto", "auto")), k_leader, 0s).signal ==
        0);
  CHECK(choose_targets(all, shim::for_continue(make_rule("TERM", "auto")), k_leader, 0s).signal ==
        SIGTERM);
}

TEST_CASE("A circle of parents, as reused pids may show it, ends") {
  CHECK(pids(choose({process({100, 101, {SIGUSR1}, true}), process({101, 100, {}, true})})) ==
        Pids{100});
}

TEST_CASE("torchrun gets a final signal in place of its workers only when told to pass it on") {
  // TORCHELASTIC_SIGNALS_TO_HANDLE=SIGUSR1: it catches it, passes it on, and kills 30 s later.
  const auto told = process({100, 1, {SIGTERM, SIGUSR1}, false, true, 100, {SIGUSR1}});
  const auto worker = process({101, 100, {SIGUSR1}});
  const auto loader = process({102, 101, {SIGUSR1}, true});
  CHECK(pids(choose({told, worker, loader}, "USR1")) == Pids{100});
  CHECK(pids(choose({told, worker, loader}, "auto")) == Pids{100});
  const auto on = choose_targets({told, worker, loader},
                                 shim::for_continue(make_rule("USR1", "auto")), k_leader, 0s);
  CHECK(pids(on) == Pids{101});
}

TEST_CASE("an agent that was told to pass TERM on gets it however long the save takes") {
  const auto told = process({100, 1, {SIGTERM}, false, true, 100, {SIGTERM}});
  CHECK(pids(choose({told}, "auto", "auto", 600s)) == Pids{100});
}

TEST_CASE("a recipe chooses the signal where the user did not, and says whether TERM ends it") {
  const std::vector<Candidate> all{process({100, 1, {SIGUSR1, SIGUSR2, SIGTERM}})};
  const auto signal = [&](const char* recipe, const char* named, bool goes_on) {
    auto rule = shim::with_recipe(make_rule(named, "auto"), *find_recipe(recipe));
    rule = goes_on ? shim::for_continue(rule) : rule;
    return choose_targets(all, rule, k_leader, 60s).signal;
  };
  CHECK(signal("plain", "auto", false) == SIGUSR2);
  CHECK(signal("lightning", "auto", false) == SIGUSR1);
  CHECK(signal("hf-trainer", "auto", false) == SIGTERM);
  CHECK(signal("hf-trainer", "USR2", false) == SIGUSR2);
  CHECK(signal("megatron", "auto", true) == SIGTERM); // it saves, ends, and is started again
  CHECK(signal("keras", "auto", true) == SIGUSR2);
}
