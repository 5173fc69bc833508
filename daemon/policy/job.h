// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/exit_record.h"
#include "common/job_spec.h"
#include "common/plan.h"
#include "common/time.h"
#include "daemon/policy/save_history.h"
#include "daemon/policy/saving/estimate.h"
#include "daemon/policy/saving/hazard.h"
#include "daemon/policy/saving/planner.h"
#include "daemon/policy/steps_told.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What the daemon believes of one job, as plain values. Boot times are of this boot only; what
/// must survive a boot is wall time.
namespace gpujob::policy {

using JobId = std::string;

/// A piece of work outside the core. `issued` becomes `wanted` again when a new daemon adopts.
enum class Work : std::uint8_t { none, wanted, issued };

enum class CheckpointState : std::uint8_t {
  heard,       ///< the job or its files say so; not looked at yet
  securing,    ///< being verified and copied
  verified,    ///< complete and hashed: this is `confirmed`
  rejected,    ///< looked at and not complete: never resumed from
  unconfirmed, ///< asked for, and nothing came
};

struct Checkpoint {
  int seq = 0; ///< 1, 2, ... within the job, over all attempts
  int attempt = 0;
  CheckpointState state = CheckpointState::heard;
  std::string path;
  std::string signature; ///< of its files (common/layout.h); empty: from another VM
  std::optional<std::int64_t> step;
  std::string how; ///< notify | exit | stdout | files | command | copy | none
  WallTime at{};
  std::int64_t bytes = 0;
  std::string manifest;      ///< local manifest, or empty
  std::string durable_level; ///< cached | flushed | stored, or empty
  std::string durable_path;
  std::string note;                 ///< why rejected, or why not durable
  std::optional<BootTime> heard;    ///< in this boot: the state it holds is of before that
  int failures = 0;                 ///< in a row: looks without an answer, copies that failed
  bool copying = false;             ///< verified, and being copied again
  std::optional<BootTime> retry_at; ///< to be looked at, or copied, again; not before

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// A checkpoint request that the shim has sent.
struct Request {
  std::int64_t number = 0; ///< 0: the plan's own
  bool final = false;
  BootTime sent{};
  std::string signal;                ///< empty: only the notice file
  std::optional<int> answer;         ///< seq of the checkpoint that answered
  std::optional<BootTime> saved;     ///< when the answer was safe
  bool refused = false;              ///< an answer was rejected: who asks now asks for another
  std::optional<BootTime> planned{}; ///< when the plan had it, as it was sent; not stored
  std::string note{};                ///< why no answer may come: a route that failed

  friend bool operator==(const Request&, const Request&) = default;
};

/// A VM of a kind that dies young or near its cap (saving::Bathtub), and when it began.
struct Transient {
  saving::Bathtub published, law; ///< the latter with what the ledger has seen
  BootTime born{};

  friend bool operator==(const Transient&, const Transient&) = default;
};

/// When a running job will be asked to save, and what that follows from (saving_course.h). Made
/// anew when one of those moves; it is not stored.
struct SavingCourse {
  std::shared_ptr<const saving::SavePlan> plan; ///< nullptr: nothing is known to plan by
  BootTime made{};                              ///< the plan's 0
  BootTime safe_until{};
  std::optional<BootTime> next; ///< ask it to save and go on
  std::optional<BootTime> last; ///< ask it for the last save, if nothing comes before
  double miss = 0;              ///< P(the last one is not durable in time)
  std::optional<Duration> period;
  /// Until then a save that was asked for is under way: it is the one that counts.
  std::optional<BootTime> under_way;
  std::optional<BootTime> stepped; ///< the newest step's end that `last` goes by; nullopt: by none

  /// What it follows from.
  struct Basis {
    std::optional<BootTime> deadline; ///< saves must be durable before this
    std::optional<BootTime> ends_at;  ///< the platform's own end, as far as it has a spread
    Duration spread{};
    double deaths = 0, exposure = 0;
    std::int64_t learned = 0;
    saving::Estimate::Basis how = saving::Estimate::Basis::prior;
    int sessions = 0; ///< that deaths were counted in
    bool exits = false;
    std::string storage;
    int here = 0; ///< saves that were copied to it
    std::optional<Transient> transient;

    friend bool operator==(const Basis&, const Basis&) = default;
  } basis;
};

struct Queued {
  std::string reason;
};
/// Cannot start by itself; the reason says what the user must do.
struct Held {
  std::string reason;
};
struct Starting {
  Work prepare = Work::none; ///< choose, verify and restore the checkpoint to resume from
  Work launch = Work::none;
  std::optional<Plan> plan; ///< what the shim is started with
};
/// How far a running job is, by its own word or by the progress bar it prints.
struct Progress {
  double done = 0;              ///< 0 to 1
  bool told = false;            ///< by the job itself; else seen in its output
  std::optional<Duration> left; ///< as of `at`
  std::string rate;             ///< as its bar says; empty: not told
  BootTime at{};
  BootTime first_at{}; ///< told: since when, in this attempt, and from where on it has gone forward
  double first_done = 0;

  friend bool operator==(const Progress&, const Progress&) = default;
};
struct Running {
  BootTime since{};
  int pid = 0;
  std::optional<Plan> plan_given;
  std::optional<Request> request;
  std::string status;
  std::optional<Progress> progress;
  /// What it is asked by: the checkpoint signal it catches, else "command" or "copy" (its route);
  /// empty: nothing seen.
  std::string catches;
  std::string recipe, recipe_why; ///< common/recipe.h; empty: not told yet
  bool recipe_exits = false;
  bool told_no_catch = false;         ///< said so once, while there was time to mend it
  bool ending = false;                ///< TERM was sent
  std::optional<BootTime> idle_asked; ///< the idle end before which it was asked to save
  std::optional<BootTime> save_asked; ///< the newest instant at which a planned save was asked for
  std::optional<BootTime> late;       ///< when the newest request that was given up had been sent
  int unanswered = 0;                 ///< requests in a row that were given up
  std::optional<BootTime> gpu_idle;   ///< since when all its GPUs have stood still; saves apart
  std::optional<BootTime> gpu_idle_paused; ///< by a save that is under way
  bool told_gpu_idle = false;              ///< in this stretch
  StepsTold steps;
  SavingCourse saving;
};
/// The shim is gone; checkpoints may still be on their way to durable storage.
struct Ending {
  std::optional<ExitRecord> record; ///< nullopt: none was left
  bool same_boot = true;
  /// It ended by itself right after a save that we had asked for and that it was to go on after.
  bool left_after_save = false;
  std::string limit{}; ///< what ended the session then, as it was seen (what_ends())
};
enum class EndState : std::uint8_t { parked, done, failed, stopped, lost };
struct Ended {
  EndState state = EndState::lost;
  std::string reason;
  std::optional<int> code, signal;
  bool saved_at_limit = false; ///< parked with a checkpoint confirmed: `gpujob run` returns 85
};

using JobState = std::variant<Queued, Held, Starting, Running, Ending, Ended>;

/// Counted apart and never reset by a resume.
struct Budgets {
  std::int64_t interruptions = 0;
  std::int64_t failures = 0;
  std::int64_t no_progress = 0; ///< attempts in a row without a newer checkpoint

  friend bool operator==(const Budgets&, const Budgets&) = default;
};

/// A GPU, or a MIG device of one, that an attempt was given.
struct AssignedGpu {
  std::string uuid;
  std::string vendor; ///< as of Gpu

  friend bool operator==(const AssignedGpu&, const AssignedGpu&) = default;
};

struct Job {
  JobId id;
  std::int64_t order = 0; ///< submission order on this machine
  JobSpec spec;
  WallTime created{};
  int attempt = 0; ///< of the current or last attempt; 0: never started
  JobState state = Queued{};
  Budgets budgets;
  std::vector<Checkpoint> checkpoints; ///< oldest first
  std::vector<AssignedGpu>
      gpus;                ///< of the current or last attempt; held while it is started or runs
  std::string resume_from; ///< what the current attempt was given, or empty
  std::optional<WallTime> started, ended;
  /// When the process of the last attempt ended, by its exit record; not stored.
  std::optional<WallTime> left;
  std::int64_t journal_seq = 0;      ///< last shim record applied in this attempt
  std::vector<std::string> baseline; ///< signatures there when the attempt started
  bool env_held = false;             ///< somebody holds its command line and environment
  std::optional<BootTime> stop_asked;
  bool stop_now = false;
  std::string stop_why;            ///< when it was not the user who stopped it
  std::int64_t request_wanted = 0; ///< newest continue request asked for by the user
  std::int64_t request_sent = 0;
  std::int64_t request_heard = 0; ///< newest one the shim has confirmed it sent
  SaveHistory history;
  /// When the newest continue request of this attempt was answered.
  std::optional<BootTime> continue_answered;
  bool seen_to_exit = false; ///< it has ended by itself right after such an answer
  bool imported = false;     ///< known only from the durable directory, not run here since
  bool removed = false;      ///< by the user, and still in the durable directory: not shown
  std::optional<BootTime> not_before; ///< queued, and not to be started earlier
  int quick_restarts = 0;             ///< in a row: attempts that ended within seconds and go on
  Work begin_record = Work::none, end_record = Work::none; ///< in the durable directory
  std::optional<BootTime> record_retry_at;                 ///< such a write failed: not before
  std::vector<std::string> rejected; ///< checkpoints passed over at the last resume, with why

  [[nodiscard]] const Ended* ended_state() const { return std::get_if<Ended>(&state); }
};

std::string_view to_text(EndState s);
/// "queued" ... "lost": the state word of every listing.
std::string_view state_text(const Job& job);
std::string_view to_text(CheckpointState s);

const std::string& reason_text(const Job& job);

/// What a job does after it has saved.
enum class Contract : std::uint8_t { continues, exits };
/// By its recipe, or as it was seen to; nullopt: neither is known yet.
std::optional<Contract> contract_of(const Job& job);
std::string_view to_text(Contract c);

/// Newest verified checkpoint, or nullptr.
const Checkpoint* newest_verified(const Job& job);
Checkpoint* find_checkpoint(Job& job, int seq);

/// When it started, on the wall clock as it is set now: it may have been set since.
std::optional<WallTime> started_at(const Job& job, Now now);

/// What attached `gpujob run` and `wait` return; nullopt while it is not known, or not yet recorded
/// in the durable directory.
std::optional<int> run_exit(const Job& job);

/// Whether it is started or runs: then what it was assigned is its own.
bool is_at_work(const Job& job);
/// Whether it asked for GPUs; not when it said that it needs none.
bool wants_gpus(const JobSpec& spec);

} // namespace gpujob::policy
