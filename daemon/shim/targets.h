// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/proc.h"
#include "common/time.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace gpujob::shim {

/// A process of the job as the choice sees it.
struct Candidate {
  proc::Stat stat;
  std::uint64_t caught = 0;          ///< bit n-1: catches signal n
  bool same_image_as_parent = false; ///< forked and has not exec'd: its handlers are inherited
  bool torch_agent = false;          ///< torchrun: on TERM it kills its workers after 30 s
};

enum class Scope : std::uint8_t { automatic, leader, group, tree };

/// Which signals may carry a request, best first, and to whom.
struct TargetRule {
  std::vector<int> signals; ///< empty: the notice file alone
  Scope scope = Scope::automatic;
  bool automatic_signal = false;
};

/// From `--checkpoint-signal` and `--checkpoint-target`; a word nobody knows counts as auto.
TargetRule make_rule(std::string_view signal, std::string_view target);

/// The rule for a request after which the job goes on: TERM, where it was not asked for by name, is
/// left out, since most of what catches it ends on it.
TargetRule for_continue(TargetRule rule);

struct Choice {
  int signal = 0; ///< 0: nobody catches one
  std::vector<proc::Stat> targets;
};

/// The first signal of the rule that somebody in scope catches, and all who are to get it. Never
/// one who does not catch it, never a forked process beside the parent it has its handlers from.
/// `grace`: how long a save may take until TERM.
Choice choose_targets(const std::vector<Candidate>& candidates, const TargetRule& rule, int leader,
                      Duration grace);

} // namespace gpujob::shim
