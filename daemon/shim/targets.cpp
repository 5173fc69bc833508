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

bool is_below(const Candidate& c, const Candidate& agent, const std::vector<Candidate>& all) {
  const auto* at = &c;
  for (std::size_t i = 0; i < all.size() && at != nullptr; ++i) { // the bound is against circles
    if (at->stat.ppid == agent.stat.pid) {
      return true;
    }
    at = find(all, at->stat.ppid);
  }
  return false;
}

/// Below torchrun: the workers; the agent only for TERM, alone, and when its wait is
/// long enough for the save. One that the user told to pass the signal on does so, and then kills:
/// it gets the final request in place of its workers, and none after which they go on.
void choose_among_torch(std::vector<Candidate>& catchers, const std::vector<Candidate>& all,
                        const TargetRule& rule, int signal, Duration save) {
  const auto passes_on = [&](const Candidate& c) {
    return c.torch_agent && ((c.passes_on >> static_cast<unsigned>(signal - 1)) & 1U) != 0;
  };
  if (!rule.goes_on) {
    const auto agents = catchers;
    for (const auto& agent : agents) {
      if (passes_on(agent)) {
        std::erase_if(catchers, [&](const auto& c) { return is_below(c, agent, all); });
      }
    }
  }
  const bool worker_catches =
      std::any_of(catchers.begin(), catchers.end(), [](const auto& c) { return !c.torch_agent; });
  const bool too_long = signal != SIGTERM || save > k_torch_agent_wait;
  std::erase_if(catchers, [&](const auto& c) {
    return c.torch_agent && (rule.goes_on || (!passes_on(c) && (worker_catches || too_long)));
  });
}

std::vector<proc::Stat> who(const std::vector<Candidate>& all, const TargetRule& rule, int leader,
                            int signal, Duration save) {
  std::vector<Candidate> catchers;
  std::copy_if(all.begin(), all.end(), std::back_inserter(catchers), [&](const auto& c) {
    return catches(c, signal) && in_scope(c, rule.scope, leader);
  });
  if (rule.scope == Scope::automatic) {
    choose_among_torch(catchers, all, rule, signal, save);
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
  TargetRule rule;
  rule.scope = scope_from(target);
  if (signal == "none") {
    return rule;
  }
  if (const auto number = signal == "auto" ? std::nullopt : signal_number(signal)) {
    rule.signals = {*number};
  } else {
    rule.signals = plain_recipe().signals;
    rule.automatic_signal = true;
  }
  return rule;
}

TargetRule with_recipe(TargetRule rule, const Recipe& recipe) {
  if (rule.automatic_signal) {
    rule.signals = recipe.signals;
  }
  rule.exits = recipe.exits;
  return rule;
}

TargetRule for_continue(TargetRule rule) {
  if (rule.automatic_signal && !rule.exits) {
    std::erase(rule.signals, SIGTERM);
  }
  rule.goes_on = true;
  return rule;
}

Choice choose_targets(const std::vector<Candidate>& candidates, const TargetRule& rule, int leader,
                      Duration save) {
  for (const int signal : rule.signals) {
    auto targets = who(candidates, rule, leader, signal, save);
    if (!targets.empty()) {
      return {signal, std::move(targets)};
    }
  }
  return {};
}

} // namespace gpujob::shim
