// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/proc.h"
#include "common/recipe.h"
#include "common/time.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob::shim {

/// A process of the job as the choice sees it.
struct Candidate {
  proc::Stat stat;
  std::uint64_t caught = 0;          ///< bit n-1: catches signal n
  bool same_image_as_parent = false; ///< forked and has not exec'd: its handlers are inherited
  bool torch_agent = false;          ///< torchrun: on TERM it kills its workers after 30 s
  /// Bit n-1: the user had the agent pass signal n on (TORCHELASTIC_SIGNALS_TO_HANDLE).
  std::uint64_t passes_on = 0;
  std::vector<std::string> argv; ///< of who catches a checkpoint signal; its start
};

enum class Scope : std::uint8_t { automatic, leader, group, tree };

/// Which signals may carry a request, best first, and to whom.
struct TargetRule {
  std::vector<int> signals; ///< empty: the notice file alone
  Scope scope = Scope::automatic;
  bool automatic_signal = false;
  bool exits = false;   ///< by its recipe the job ends after every save
  bool goes_on = false; ///< the request is one after which the job goes on
};

/// From `--checkpoint-signal` and `--checkpoint-target`; a word nobody knows counts as auto.
TargetRule make_rule(std::string_view signal, std::string_view target);

/// The rule for a framework: its signals, where the user named none.
TargetRule with_recipe(TargetRule rule, const Recipe& recipe);

/// The rule for a request after which the job goes on: TERM, where it was not asked for by name, is
/// left out, since most of what catches it ends on it; unless it is known to save and end anyway.
TargetRule for_continue(TargetRule rule);

struct Choice {
  int signal = 0; ///< 0: nobody catches one
  std::vector<proc::Stat> targets;
};

/// The first signal of the rule that somebody in scope catches, and all who are to get it. Never
/// one who does not catch it, never a forked process beside the parent it has its handlers from.
/// `save`: how long the save is expected to take.
Choice choose_targets(const std::vector<Candidate>& candidates, const TargetRule& rule, int leader,
                      Duration save);

} // namespace gpujob::shim
