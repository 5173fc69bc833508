// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// What the command line said, as plain values: the only knowledge commands have of it.
namespace gpujob::client {

struct RunOptions {
  std::optional<std::string> name; ///< none: the daemon makes one up
  bool detach = false;
  bool again = false;
  bool take_over = false;
  std::string lead; ///< a duration; empty: the daemon decides
  std::string checkpoint_signal = "auto";
  std::string checkpoint_target = "auto";
  std::vector<std::string> checkpoint_path;
  std::vector<int> checkpoint_exit;
  std::string checkpoint_cmd;
  std::vector<std::string> checkpoint_copy;
  std::string recipe = "auto";
  std::string gpus;       ///< a number, none, all, or which; empty: they are left alone
  std::string gpu_memory; ///< a size; empty: not said
  std::string idle_gpu;   ///< a duration, or off; empty: the default
  std::string idle_gpu_stop;
  std::vector<int> requeue_exit;
  std::vector<int> no_requeue_exit;
  std::string resume_arg;
  std::string done_when;
  std::int64_t max_interruptions = -1;
  std::int64_t max_failures = 0;
  std::int64_t max_no_progress = 3;
  std::int64_t keep = 3;
  std::string log_max; ///< a size; empty: the default
  std::vector<std::string> env;
  bool keep_tree = false;
  bool wandb = false;
  std::vector<std::string> command;
  bool json = false;
};

struct PsOptions {
  bool all = false;
  bool json = false;
};

struct ShowOptions {
  std::string job;
  bool json = false;
};

struct CheckpointsOptions {
  std::string job;
  bool json = false;
};

struct LogsOptions {
  std::string job;
  bool follow = false;
  std::optional<int> attempt;
  bool path = false;
  bool json = false;
};

struct AttachOptions {
  std::string job;
  bool json = false;
};

struct CheckpointOptions {
  std::string job;
  bool wait = false;
  bool json = false;
};

struct StopOptions {
  std::vector<std::string> jobs;
  bool all = false;
  bool now = false;
  bool wait = true;
  bool json = false;
};

struct WaitOptions {
  std::vector<std::string> jobs;
  bool json = false;
};

struct RmOptions {
  std::vector<std::string> jobs;
  bool json = false;
};

struct QuotaOptions {
  bool explain = false;
  bool json = false;
};

/// What the user says of quotas: `quota add` and `quota set`.
struct QuotaSayOptions {
  struct Saying {
    std::string name, amount; ///< as they were written; amount may be empty
  };
  bool set = false; ///< else add
  std::vector<Saying> sayings;
  std::string at; ///< an instant; empty: now
  bool json = false;
};

struct QuotaImportOptions {
  bool kaggle = false;
  std::string file; ///< what `kaggle quota` printed; "-": stdin; empty: ask it
  bool json = false;
};

struct LimitsOptions {
  bool json = false;
};

struct LimitsSetOptions {
  std::vector<std::pair<std::string, std::string>> values;
  bool json = false;
};

/// What whoever knows says of the session's end: a hook, a person.
struct NoticeOptions {
  std::string in, text; ///< empty: what the platform gives, and says
  bool cancel = false;  ///< what was said of it before was wrong
  bool json = false;
};

struct DoctorOptions {
  bool json = false;
};

struct GpuOptions {
  bool json = false;
};

/// The state of things for Prometheus and what reads its format.
struct MetricsOptions {
  std::string watch;            ///< a file to keep up to date; empty: once, to stdout
  std::string interval = "15s"; ///< of --watch
  std::string listen;           ///< [ADDRESS:]PORT of this machine; empty: no
  std::string token_file;       ///< empty: one is made
  bool json = false;
};

/// What the GPUs did: `gpu --history`.
struct GpuHistoryOptions {
  std::string span; ///< how far back; empty: an hour
  bool csv = false;
  bool json = false;
};

/// `gpu --snapshots`.
struct GpuSnapshotsOptions {
  std::string job; ///< empty: of all
  bool json = false;
};

struct TopOptions {
  std::string interval = "1s"; ///< a duration
  bool once = false;
  bool json = false;
};

struct ReportOptions {
  std::string job;                     ///< empty: this session, or
  std::string last;                    ///< a duration until now
  std::string output, format = "html"; ///< no output: a name of ours; "-": stdout
  bool json = false;
};

struct PlatformsOptions {
  std::string platform; ///< empty: all
  bool markdown = false;
  bool json = false;
};

struct BenchOptions {
  bool cpu = false;
  std::string python; ///< a path, or a name on PATH; empty: python3
  std::string timeout = "2m";
  bool json = false;
};

struct SimulateOptions {
  std::vector<std::string> arguments; ///< gpujobd reads them, --help too
  bool json = false;                  ///< for an error of ours
};

struct DaemonStartOptions {
  std::string runtime, state; ///< made absolute
  /// The other settings as gpujobd takes them: "--session-limit", "9h", ...
  std::vector<std::string> settings;
  bool json = false;
};

struct DaemonStopOptions {
  bool json = false;
};

struct DaemonStatusOptions {
  bool json = false;
};

struct VersionOptions {
  bool json = false;
};

using Command =
    std::variant<RunOptions, PsOptions, ShowOptions, CheckpointsOptions, LogsOptions, AttachOptions,
                 CheckpointOptions, StopOptions, WaitOptions, RmOptions, DoctorOptions,
                 LimitsOptions, LimitsSetOptions, NoticeOptions, QuotaOptions, QuotaSayOptions,
                 QuotaImportOptions, GpuOptions, GpuHistoryOptions, GpuSnapshotsOptions, TopOptions,
                 MetricsOptions, ReportOptions, PlatformsOptions, BenchOptions, SimulateOptions,
                 DaemonStartOptions, DaemonStopOptions, DaemonStatusOptions, VersionOptions>;

/// Either a command to carry out, or an exit code: help was printed, or a usage error was.
struct Parsed {
  std::optional<Command> command;
  int exit_code = 0;
};

/// Reads the arguments after the program's name.
Parsed parse_options(const std::vector<std::string>& arguments);

} // namespace gpujob::client
