// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/targets.h"

#include "common/signals.h"

#include <algorithm>
#include <csignal>

namespace gpujob::shim {

namespace {

/// torchrun's own wait between TERM and KILL for its workers.
constexpr Duration k_torch_agent_wait = std::chrono::seconds{30};

bool catches(const Candidate& c, int signal) {
  return ((c.caught >> static_cast<unsigned>(signal - 1)) & 1U) != 0;
}

bool in_scope(const Candidate& c, Scope scope, int leader) {
  switch (scope) {
  case Scope::leader:
    return c.stat.pid == leader;
  case Scope::group:
    return c.stat.pgrp == leader;
  case Scope::automatic:
  case Scope::tree:
    return true;
  }
  return false;
}

const Candidate* find(const std::vector<Candidate>& all, int pid) {
  const auto it =
      std::find_if(all.begin(), all.end(), [pid](const auto& c) { return c.stat.pid == pid; });
  return it == all.end() ? nullptr : &*it;
}

/// Whether a process above it of the same exec image is in `catchers`. The bound is against
/// circles.
bool inherits(const Candidate& c, const std::vector<Candidate>& all,
              const std::vector<Candidate>& catchers) {
  const auto* at = &c;
  for (std::size_t i = 0; i < all.size() && at != nullptr && at->same_image_as_parent; ++i) {
    const int parent = at->stat.ppid;
    if (parent == c.stat.pid) {
      break;
    }
    if (find(catchers, parent) != nullptr) {
      return true;
    }
    at = find(all, parent);
  }
  return false;
}

/// CONTRACT.md, below torchrun: the workers, and the agent only when it is alone and its wait is
/// long enough for the save.
void spare_torch_agents(std::vector<Candidate>& catchers, Duration grace) {
  const bool worker_catches =
      std::any_of(catchers.begin(), catchers.end(), [](const auto& c) { return !c.torch_agent; });
  if (worker_catches || grace > k_torch_agent_wait) {
    std::erase_if(catchers, [](const auto& c) { return c.torch_agent; });
  }
}

std::vector<proc::Stat> who(const std::vector<Candidate>& all, const TargetRule& rule, int leader,
                            int signal, Duration grace) {
  std::vector<Candidate> catchers;
  std::copy_if(all.begin(), all.end(), std::back_inserter(catchers), [&](const auto& c) {
    return catches(c, signal) && in_scope(c, rule.scope, leader);
  });
  if (rule.scope == Scope::automatic && signal == SIGTERM) {
    spare_torch_agents(catchers, grace);
  }
  std::vector<proc::Stat> out;
  for (const auto& c : catchers) {
    if (!inherits(c, all, catchers)) {
      out.push_back(c.stat);
    }
  }
  return out;
}

Scope scope_from(std::string_view target) {
  if (target == "leader") {
    return Scope::leader;
  }
  if (target == "group") {
    return Scope::group;
  }
  return target == "tree" ? Scope::tree : Scope::automatic;
}

} // namespace

TargetRule make_rule(std::string_view signal, std::string_view target) {
  TargetRule rule{{}, scope_from(target), false};
  if (signal == "none") {
    return rule;
  }
  if (const auto number = signal == "auto" ? std::nullopt : signal_number(signal)) {
    rule.signals = {*number};
  } else {
    rule.signals = {SIGUSR2, SIGUSR1, SIGTERM};
    rule.automatic_signal = true;
  }
  return rule;
}

TargetRule for_continue(TargetRule rule) {
  if (rule.automatic_signal) {
    std::erase(rule.signals, SIGTERM);
  }
  return rule;
}

Choice choose_targets(const std::vector<Candidate>& candidates, const TargetRule& rule, int leader,
                      Duration grace) {
  for (const int signal : rule.signals) {
    auto targets = who(candidates, rule, leader, signal, grace);
    if (!targets.empty()) {
      return {signal, std::move(targets)};
    }
  }
  return {};
}

} // namespace gpujob::shim
