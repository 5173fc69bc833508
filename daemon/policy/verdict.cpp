// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/verdict.h"

#include "common/signals.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fmt/format.h>

namespace gpujob::policy {

namespace {

/// NVIDIA resiliency: no progress; s6: permanent failure; shells: cannot execute, not found.
constexpr std::array k_failed_for_good = {93, 125, 126, 127};
/// HTCondor self-checkpoint, TensorFlow, EX_TEMPFAIL, SGE reschedule, TERM, INT, `scontrol
/// requeue`.
constexpr std::array k_resumable = {85, 42, 75, 99, 143, 130, 255};

bool holds(const auto& list, int code) {
  return std::find(std::begin(list), std::end(list), code) != std::end(list);
}

bool limit_ended(const ExitFacts& f) {
  return f.term_sent == EndReason::session_limit || f.kill_sent == EndReason::session_limit;
}

std::string limit_text(const ExitFacts& f) {
  return f.limit.empty() ? "the end of the session" : f.limit;
}

bool says_resumable(const ExitFacts& f, int code) {
  return holds(k_resumable, code) || holds(f.requeue_exit, code) || holds(f.checkpoint_exit, code);
}

Verdict read_missing_record(const ExitFacts& f) {
  if (!f.same_boot) {
    return {VerdictKind::interrupted, "the session vanished"};
  }
  return {VerdictKind::lost, "the shim is gone and left no exit record"};
}

std::string killed_text(const ExitFacts& f) {
  if (!f.oom_kills) {
    return "killed by a KILL that gpujob did not send; whether memory ran out is unknown";
  }
  return *f.oom_kills > 0
             ? fmt::format("killed: out of memory (the cgroup's OOM counter rose by {})",
                           *f.oom_kills)
             : "killed by a KILL that gpujob did not send; the cgroup's OOM counter did not rise";
}

Verdict read_failure(const ExitFacts& f, int shell) {
  if (shell == 128 + SIGKILL) {
    return {VerdictKind::failed, killed_text(f)};
  }
  if (f.signal) {
    return {VerdictKind::failed, fmt::format("killed by signal {}", signal_name(*f.signal))};
  }
  if (says_resumable(f, shell) && !f.newer_checkpoint && shell == 85) {
    return {VerdictKind::failed,
            "exit code 85 says that it saved, but no new checkpoint was found"};
  }
  return {VerdictKind::failed, fmt::format("exit code {}", shell)};
}

} // namespace

std::optional<int> shell_exit(std::optional<int> code, std::optional<int> signal) {
  if (code) {
    return code;
  }
  return signal ? std::optional(128 + *signal) : std::nullopt;
}

Verdict read_exit(const ExitFacts& f) {
  if (f.stop_asked) {
    return {VerdictKind::stopped, "stopped by the user"};
  }
  const auto shell = shell_exit(f.code, f.signal);
  if (!f.has_record || !shell) {
    return read_missing_record(f);
  }
  if (f.done_mark && f.code == 0) {
    return {VerdictKind::done, "the job said it is done"};
  }
  if (f.code == 0 && !f.final_requested) {
    return {VerdictKind::done, "exit code 0"};
  }
  if (limit_ended(f)) {
    return {VerdictKind::interrupted, "ended by " + limit_text(f)};
  }
  if (f.code == 0) {
    return {VerdictKind::interrupted,
            f.left_after_save
                ? "ended after a save that it was to go on after"
                : fmt::format("ended when asked for its last save ({})", limit_text(f))};
  }
  if (!f.exec_error.empty()) {
    return {VerdictKind::failed_for_good, f.exec_error};
  }
  if (holds(f.no_requeue_exit, *shell) ||
      (holds(k_failed_for_good, *shell) && !holds(f.requeue_exit, *shell))) {
    return {VerdictKind::failed_for_good, fmt::format("exit code {} means: do not retry", *shell)};
  }
  if (says_resumable(f, *shell) && f.newer_checkpoint) {
    return {VerdictKind::interrupted,
            fmt::format("exit code {} after a new checkpoint: to be resumed", *shell)};
  }
  return read_failure(f, *shell);
}

} // namespace gpujob::policy
