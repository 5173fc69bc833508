// SPDX-License-Identifier: Apache-2.0
#include "common/recipe.h"

#include <algorithm>
#include <array>
#include <csignal>

namespace gpujob {

std::span<const Recipe> recipes() {
  static const std::array<Recipe, 6> table{{
      {"torchrun", {SIGUSR2, SIGUSR1, SIGTERM}, false, "any"},
      // On Slurm it takes USR1 to save and requeue, TERM to end.
      {"lightning", {SIGUSR1, SIGTERM}, true, "hpc_ckpt_<n>.ckpt, last.ckpt"},
      // enable_jit_checkpoint: TERM saves at the end of the step, then training stops.
      {"hf-trainer", {SIGTERM}, true, "checkpoint-<n>/ with trainer_state.json"},
      // --exit-signal-handler
      {"megatron", {SIGTERM}, true, "iter_<n>/, named by latest_checkpointed_iteration.txt"},
      // Saves by itself (ModelCheckpoint, BackupAndRestore); what it catches, the script installed.
      {"keras", {SIGUSR2, SIGUSR1, SIGTERM}, false, "*.weights.h5, *.keras, BackupAndRestore's"},
      {"plain", {SIGUSR2, SIGUSR1, SIGTERM}, false, "any"},
  }};
  return table;
}

const Recipe* find_recipe(std::string_view name) {
  const auto all = recipes();
  const auto it = std::ranges::find(all, name, &Recipe::name);
  return it == all.end() ? nullptr : &*it;
}

const Recipe& plain_recipe() {
  return recipes().back();
}

} // namespace gpujob
