// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/detail.h"
#include "daemon/policy/verdict.h"

/// How a job can be brought to save, and what it does then.
namespace gpujob::policy {

std::optional<Contract> contract_of(const Job& job) {
  const auto* running = std::get_if<Running>(&job.state);
  if (job.seen_to_exit || (running != nullptr && running->recipe_exits)) {
    return Contract::exits;
  }
  const bool told = running != nullptr && !running->recipe.empty();
  return told ? std::optional(Contract::continues) : std::nullopt;
}

std::string_view to_text(Contract c) {
  return c == Contract::exits ? "exits" : "continues";
}

namespace detail {

namespace {

/// One that leaves because it has saved does so at once; longer, and it may just have been done.
constexpr Duration k_to_leave = std::chrono::seconds{10};

} // namespace

std::string_view route_of(const JobSpec& spec) {
  if (!spec.checkpoint_cmd.empty()) {
    return "command";
  }
  return spec.checkpoint_copy.empty() ? "" : "copy";
}

bool exits_after_saving(const Job& job, const ShimGone& e) {
  const auto* run = std::get_if<Running>(&job.state);
  if (run == nullptr || !e.record || !e.record->code || !job.continue_answered) {
    return false;
  }
  const auto& record = *e.record;
  const bool by_itself = !record.term_sent && !record.kill_sent && !record.final_requested;
  ExitFacts f;
  f.has_record = f.newer_checkpoint = true;
  f.code = record.code;
  f.checkpoint_exit = job.spec.checkpoint_exit;
  f.requeue_exit = job.spec.requeue_exit;
  f.no_requeue_exit = job.spec.no_requeue_exit;
  const auto kind = read_exit(f).kind;
  return by_itself && record.boot_at <= *job.continue_answered + k_to_leave &&
         (kind == VerdictKind::done || kind == VerdictKind::interrupted);
}

} // namespace detail

} // namespace gpujob::policy
