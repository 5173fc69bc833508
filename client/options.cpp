// SPDX-License-Identifier: Apache-2.0
#include "client/options.h"

#include "client/output.h"
#include "client/run_options.h"
#include "common/remote_name.h"
#include "common/result.h"

#include <algorithm>
#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>

namespace gpujob::client {

namespace {

/// Declares every command; the one that is given ends in `chosen`.
class CommandLine {
public:
  CommandLine();
  Parsed parse(std::vector<std::string> arguments);

private:
  template <typename Options>
  CLI::App& verb(CLI::App& parent, const char* name, const char* what, const char* example,
                 Options& options);
  void declare_looking();
  void declare_gpu();
  void declare_quota();
  void declare_limits();
  void declare_report();
  void declare_bench();
  void declare_metrics();
  void declare_simulate();
  void declare_acting();
  void declare_daemon();
  void declare_daemon_start(CLI::App& daemon);
  [[nodiscard]] Error usage_error(const std::string& verb, const std::string& what) const;
  std::vector<std::string> take_command(std::vector<std::string>& arguments);

  CLI::App m_app{"Runs training in a notebook VM that will be taken away, and loses none of it."};
  CLI::App* m_run = nullptr;
  Parsed m_parsed;
  std::string m_durable;
  bool m_no_wait = false;
  RunOptions m_run_options;
  PsOptions m_ps;
  ShowOptions m_show;
  CheckpointsOptions m_checkpoints;
  LogsOptions m_logs;
  AttachOptions m_attach;
  CheckpointOptions m_checkpoint;
  StopOptions m_stop;
  WaitOptions m_wait;
  RmOptions m_rm;
  QuotaOptions m_quota;
  QuotaSayOptions m_quota_add, m_quota_set;
  std::vector<std::string> m_quota_words;
  QuotaImportOptions m_quota_import;
  LimitsOptions m_limits;
  LimitsSetOptions m_limits_set;
  std::vector<std::string> m_limits_words;
  NoticeOptions m_notice;
  DoctorOptions m_doctor;
  GpuOptions m_gpu;
  MetricsOptions m_metrics;
  GpuHistoryOptions m_gpu_history;
  GpuSnapshotsOptions m_gpu_snapshots;
  TopOptions m_top;
  ReportOptions m_report;
  bool m_report_session = false;
  PlatformsOptions m_platforms;
  BenchOptions m_bench;
  SimulateOptions m_simulate;
  DaemonStartOptions m_start;
  DaemonStopOptions m_daemon_stop;
  DaemonStatusOptions m_status;
  VersionOptions m_version;
};

constexpr const char* k_job_help = "A name, an id, or the beginning of an id";

/// One job or several, by the type of `into`.
template <typename Into>
CLI::Option* add_job(CLI::App& app, Into& into) {
  return app.add_option("JOB", into, k_job_help)->type_name("");
}

template <typename Options>
CLI::App& CommandLine::verb(CLI::App& parent, const char* name, const char* what,
                            const char* example, Options& options) {
  auto* app = parent.add_subcommand(name, what);
  app->add_flag("--json", options.json, "One JSON document on stdout");
  app->footer(std::string("Example: ") + example);
  app->callback([this, &options] { m_parsed.command = options; });
  return *app;
}

CommandLine::CommandLine() {
  m_app.name("gpujob");
  m_app.set_version_flag("--version", "gpujob " GPUJOB_VERSION);
  m_app.require_subcommand(1);
  m_app.footer("gpujob COMMAND --help says more.\n\n"
               "Example: gpujob run --name digits -- python3 train.py");
  m_run = m_app.add_subcommand("run", "Start a command, or continue it where it stopped");
  declare_run(*m_run, m_run_options);
  m_run->callback([this] { m_parsed.command = m_run_options; });
  declare_looking();
  declare_quota();
  declare_limits();
  declare_report();
  declare_bench();
  declare_metrics();
  declare_simulate();
  declare_acting();
  declare_daemon();
}

void CommandLine::declare_looking() {
  auto& ps = verb(m_app, "ps", "List jobs", "gpujob ps --all", m_ps);
  ps.add_flag("-a,--all", m_ps.all, "All that ended, not only the last 10");
  auto& show = verb(m_app, "show", "Everything about one job", "gpujob show digits", m_show);
  add_job(show, m_show.job)->required();
  auto& checkpoints =
      verb(m_app, "checkpoints", "What a job has saved, how that is known, and where",
           "gpujob checkpoints digits", m_checkpoints);
  add_job(checkpoints, m_checkpoints.job)->required();
  auto& logs = verb(m_app, "logs", "The output of a job", "gpujob logs -f digits", m_logs);
  add_job(logs, m_logs.job)->required();
  logs.add_flag("-f,--follow", m_logs.follow, "Stay for what is still to come");
  logs.add_option("--attempt", m_logs.attempt, "Of this attempt instead of the last")
      ->type_name("N");
  logs.add_flag("--path", m_logs.path, "Only say in which file it is");
  declare_gpu();
  auto& top = verb(m_app, "top", "The session, its GPUs and its jobs, live on the whole screen",
                   "gpujob top", m_top);
  top.add_option("--interval", m_top.interval, "How often it looks (default: 1s)")->type_name("S");
  top.add_flag("--once", m_top.once, "Print one picture as text; needs no terminal");
  auto& platforms = verb(m_app, "platforms", "What each platform gives, and for how long",
                         "gpujob platforms kaggle", m_platforms);
  platforms.add_option("NAME", m_platforms.platform, "Only this one, with its sources")
      ->type_name("");
  platforms.add_flag("--markdown", m_platforms.markdown, "A Markdown table with all columns");
  verb(m_app, "doctor", "What was found on this machine, what is missing, and the remedy",
       "gpujob doctor", m_doctor);
  verb(m_app, "version", "The version of gpujob", "gpujob version --json", m_version);
}

/// Now, or what was kept of it: one of three commands.
void CommandLine::declare_gpu() {
  auto& gpu = verb(m_app, "gpu", "What the GPUs do, and which job does it",
                   "gpujob gpu --history 3h", m_gpu);
  auto* history = gpu.add_option("--history", m_gpu_history.span,
                                 "What they did, so far back (1h): a sample a second of the last "
                                 "hour, before that a minute's average")
                      ->type_name("[D]")
                      ->expected(0, 1);
  gpu.add_flag("--csv", m_gpu_history.csv, "The history as CSV")->needs(history);
  auto* snapshots = gpu.add_option("--snapshots", m_gpu_snapshots.job,
                                   "How they were when jobs (or this job) started, saved, came to "
                                   "a limit and ended; --json has all that was seen")
                        ->type_name("[JOB]")
                        ->expected(0, 1)
                        ->excludes(history);
  gpu.callback([this, history, snapshots] {
    if (history->count() > 0) {
      m_gpu_history.json = m_gpu.json;
      m_parsed.command = m_gpu_history;
    } else if (snapshots->count() > 0) {
      m_gpu_snapshots.json = m_gpu.json;
      m_parsed.command = m_gpu_snapshots;
    } else {
      m_parsed.command = m_gpu;
    }
  });
}

void CommandLine::declare_report() {
  auto& report = verb(m_app, "report", "What happened, and what it was worth: a page with pictures",
                      "gpujob report --last 7d -o week.html", m_report);
  auto* session =
      report.add_flag("--session", m_report_session, "About this session (unless told otherwise)");
  auto* job = report.add_option("--job", m_report.job, "About one job")->type_name("JOB");
  auto* last = report.add_option("--last", m_report.last, "About so long until now: 7d, 12h")
                   ->type_name("TIME");
  job->excludes(session)->excludes(last);
  last->excludes(session);
  report
      .add_option("-o,--output", m_report.output,
                  "Write it there; - is standard output (default: gpujob-report-DATE.html)")
      ->type_name("FILE");
  report.add_option("--format", m_report.format, "html, md or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"html", "md", "json"}));
}

void CommandLine::declare_quota() {
  auto* quota = m_app.add_subcommand("quota", "What is left of the session, the week, the money");
  quota->add_flag("--json", m_quota.json, "One JSON document on stdout");
  quota->add_flag("--explain", m_quota.explain, "Where each number and setting comes from");
  quota->footer("Example: gpujob quota --explain");
  quota->callback([this, quota] {
    if (quota->get_subcommands().empty()) {
      m_parsed.command = m_quota;
    }
  });
  auto& add = verb(*quota, "add", "Hours that were used elsewhere, or that you were given",
                   "gpujob quota add gpu 3h --at '2h ago'", m_quota_add);
  auto& added = m_quota_add.sayings.emplace_back();
  add.add_option("WHAT", added.name, "gpu, tpu ..., or a kind of grant")->type_name("")->required();
  add.add_option("AMOUNT", added.amount, "How long: 3h, 2.5")->type_name("");
  add.add_option("--at", m_quota_add.at, "When it ended, or was given: 2h ago, an instant")
      ->type_name("T");
  m_quota_set.set = true;
  auto& set = verb(*quota, "set", "What the platform shows as left", "gpujob quota set gpu=12h30m",
                   m_quota_set);
  set.add_option("WHAT=AMOUNT", m_quota_words, "gpu=12h, ccu=87.5, USD=20")
      ->type_name("")
      ->required();
  set.add_option("--at", m_quota_set.at, "When it was so")->type_name("T");
  auto& import = verb(*quota, "import", "What the platform's own tool says is left",
                      "gpujob quota import --kaggle", m_quota_import);
  import.add_flag("--kaggle", m_quota_import.kaggle, "kaggle quota")->required();
  import
      .add_option("FILE", m_quota_import.file,
                  "What it printed as CSV; - is stdin; else it is asked")
      ->type_name("");
}

void CommandLine::declare_limits() {
  auto* limits = m_app.add_subcommand("limits", "The platform's limits, and who says so");
  limits->add_flag("--json", m_limits.json, "One JSON document on stdout");
  limits->footer("Example: gpujob limits set session=9h idle=45m");
  limits->callback([this, limits] {
    if (limits->get_subcommands().empty()) {
      m_parsed.command = m_limits;
    }
  });
  auto& set = verb(*limits, "set", "What you know better, for this platform from now on",
                   "gpujob limits set session=9h idle=45m", m_limits_set);
  set.add_option("KEY=VALUE", m_limits_words,
                 "session, idle, margin, plan, machine, per_hour, gpu, tpu, cpu, machine_hours; "
                 "default takes it back")
      ->type_name("")
      ->required();
  auto& notice = verb(m_app, "notice", "Say that the platform ends this session: jobs save and end",
                      "gpujob notice --in 30s 'preStop'", m_notice);
  notice.add_option("--in", m_notice.in, "So soon; else what the platform gives")->type_name("D");
  notice.add_option("TEXT", m_notice.text, "Who says so")->type_name("");
  notice.add_flag("--cancel", m_notice.cancel, "It does not, after all");
}

void CommandLine::declare_simulate() {
  auto* simulate = m_app.add_subcommand(
      "simulate", "Ways to decide when to save, compared on simulated sessions");
  simulate->set_help_flag(); // its options are gpujobd's
  simulate->prefix_command();
  simulate->callback([this, simulate] {
    auto& words = m_simulate.arguments;
    words = simulate->remaining();
    m_simulate.json = std::find(words.begin(), words.end(), "--json") != words.end();
    m_parsed.command = m_simulate;
  });
}

void CommandLine::declare_metrics() {
  auto& metrics = verb(m_app, "metrics", "Session, jobs and GPUs as OpenMetrics, for Prometheus",
                       "gpujob metrics --watch /var/lib/node_exporter/gpujob.prom", m_metrics);
  auto* watch = metrics.add_option("--watch", m_metrics.watch, "Keep this file up to date")
                    ->type_name("FILE");
  metrics.add_option("--interval", m_metrics.interval, "Between two writes of it (15s)")
      ->type_name("D")
      ->needs(watch);
  auto* listen = metrics
                     .add_option("--listen", m_metrics.listen,
                                 "Answer HTTP on this port of this machine, to who has the token")
                     ->type_name("[ADDR:]PORT")
                     ->excludes(watch);
  metrics
      .add_option("--token-file", m_metrics.token_file,
                  "Holds the token (metrics.token in the runtime directory, made when missing)")
      ->type_name("FILE")
      ->needs(listen);
}

void CommandLine::declare_bench() {
  auto& bench = verb(m_app, "bench", "How fast this machine multiplies matrices, beside others",
                     "gpujob bench --python ~/venv/bin/python", m_bench);
  auto* cpu =
      bench.add_flag("--cpu", m_bench.cpu, "By gpujob's own plain kernel; no Python starts");
  bench
      .add_option("--python", m_bench.python,
                  "Whose PyTorch multiplies (python3 on PATH, else the system's)")
      ->type_name("PROGRAM")
      ->excludes(cpu);
  bench.add_option("--timeout", m_bench.timeout, "How long a Python may take for it all (2m)")
      ->type_name("D")
      ->excludes(cpu);
}

void CommandLine::declare_acting() {
  auto& attach =
      verb(m_app, "attach", "Show the output of a running job and return what it returns",
           "gpujob attach digits", m_attach);
  add_job(attach, m_attach.job)->required();
  auto& checkpoint = verb(m_app, "checkpoint", "Ask a job to save and go on",
                          "gpujob checkpoint digits --wait", m_checkpoint);
  add_job(checkpoint, m_checkpoint.job)->required();
  checkpoint.add_flag("--wait", m_checkpoint.wait, "Until it is confirmed (0) or is not (1)");
  auto& stop = verb(m_app, "stop", "Ask jobs to save, then end them", "gpujob stop digits", m_stop);
  add_job(stop, m_stop.jobs);
  stop.add_flag("--all", m_stop.all, "All that run or wait");
  stop.add_flag("--now", m_stop.now, "Without a checkpoint");
  stop.add_flag("--wait", m_stop.wait, "Until they have ended (default)");
  stop.add_flag("--no-wait", m_no_wait, "Return at once");
  auto& wait = verb(m_app, "wait", "Wait for the end of jobs; return what they return, the largest",
                    "gpujob wait digits", m_wait);
  add_job(wait, m_wait.jobs)->required();
  auto& rm = verb(m_app, "rm", "Forget ended jobs and their files here", "gpujob rm digits", m_rm);
  add_job(rm, m_rm.jobs)->required();
}

void CommandLine::declare_daemon() {
  auto* daemon = m_app.add_subcommand("daemon", "The daemon: start, stop, status");
  daemon->require_subcommand(1);
  daemon->footer(
      "Example: gpujob daemon start --session-limit 9h --durable /content/drive/MyDrive/gpujob");
  declare_daemon_start(*daemon);
  verb(*daemon, "stop", "Stop the daemon; jobs run on", "gpujob daemon stop", m_daemon_stop);
  verb(*daemon, "status", "Whether it runs, and where", "gpujob daemon status --json", m_status);
}

void CommandLine::declare_daemon_start(CLI::App& daemon) {
  auto& start = verb(daemon, "start", "Start the daemon with settings of the session",
                     "gpujob daemon start --session-limit 9h --durable /mnt/data/gpujob", m_start);
  start.add_option("--runtime", m_start.runtime, "Its lock and socket ($GPUJOB_RUNTIME_DIR)")
      ->type_name("DIR");
  start.add_option("--state", m_start.state, "Its database and logs ($GPUJOB_STATE_DIR)")
      ->type_name("DIR");
  start
      .add_option("--durable", m_durable,
                  "What outlives this VM: a directory, rclone:NAME:PATH, or none "
                  "($GPUJOB_DURABLE_DIR)")
      ->type_name("DIR");
  const auto setting = [&](const char* flag, const char* type, const char* what) {
    start
        .add_option_function<std::string>(
            flag,
            [this, flag](const std::string& value) {
              m_start.settings.insert(m_start.settings.end(), {flag, value});
            },
            what)
        ->type_name(type);
  };
  setting("--session-limit", "D", "How long a session may last: 9h, 40m");
  setting("--session-start", "T",
          "When it began, if that is known better: an instant, or now for a new one");
  setting("--platform", "NAME", "Which one it is: gpujob platforms lists them");
  setting("--plan", "NAME", "The plan you have there");
  setting("--slots", "N", "Jobs that run at once (1, and beside it those with --gpus)");
  setting("--notices", "KIND[@ADDR]",
          "Ask the cloud whether it takes the machine back: ec2_spot, gce_preempted, azure_events");
  setting("--on-warning", "COMMAND", "Run by a shell with each warning, in $GPUJOB_WARNING");
  setting("--flush", "COMMAND",
          "Run as the last thing of a session, when all is copied: empties the cache before the "
          "durable directory, and may unmount it; profile: the platform's own");
}

/// Takes the user's command off the end of "run ...": none of it is for CLI11 to read.
std::vector<std::string> CommandLine::take_command(std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front() != "run") {
    return {};
  }
  const std::vector<std::string> after(arguments.begin() + 1, arguments.end());
  const auto begin = std::min(command_begins(*m_run, after), after.size());
  std::vector<std::string> command(after.begin() + static_cast<std::ptrdiff_t>(begin), after.end());
  arguments.resize(1 + begin);
  if (arguments.back() == "--") {
    arguments.pop_back();
  }
  return command;
}

std::string absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

Error CommandLine::usage_error(const std::string& verb, const std::string& what) const {
  const auto error = [](const std::string& text) { return Error{Errc::usage, text}; };
  if (verb.empty()) {
    return error("usage: no command given: see gpujob --help");
  }
  const auto named = [&](const CLI::App* app) { return app->get_name() == verb; };
  if (!m_app.get_subcommands(named).empty()) {
    return error(verb + ": " + what + ": see gpujob " + verb + " --help");
  }
  return error("usage: " + (verb.front() == '-' ? what : verb + ": no such command") +
               ": see gpujob --help");
}

/// "gpu=12h"
std::optional<std::pair<std::string, std::string>> take_apart(const std::string& word) {
  const auto equals = word.find('=');
  return equals == std::string::npos || equals == 0
             ? std::nullopt
             : std::optional(std::pair(word.substr(0, equals), word.substr(equals + 1)));
}

Parsed CommandLine::parse(std::vector<std::string> arguments) {
  auto command = take_command(arguments);
  const auto verb = arguments.empty() ? std::string{} : arguments.front();
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  try {
    std::ranges::reverse(arguments); // CLI11 takes them from the end
    m_app.parse(std::move(arguments));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) {
      return {std::nullopt, m_app.exit(e)}; // help and version
    }
    return {std::nullopt, report(usage_error(verb, e.what()), json)};
  }
  if (auto* run = std::get_if<RunOptions>(&*m_parsed.command)) {
    run->command = std::move(command);
  }
  if (auto* stop = std::get_if<StopOptions>(&*m_parsed.command)) {
    stop->wait = !m_no_wait;
  }
  if (auto* say = std::get_if<QuotaSayOptions>(&*m_parsed.command); say != nullptr && say->set) {
    for (const auto& word : m_quota_words) {
      const auto pair = take_apart(word);
      if (!pair) {
        return {std::nullopt, report(usage_error("quota", word + ": is not WHAT=AMOUNT"), json)};
      }
      say->sayings.push_back({pair->first, pair->second});
    }
  }
  if (auto* set = std::get_if<LimitsSetOptions>(&*m_parsed.command)) {
    for (const auto& word : m_limits_words) {
      auto pair = take_apart(word);
      if (!pair) {
        return {std::nullopt, report(usage_error("limits", word + ": is not KEY=VALUE"), json)};
      }
      set->values.push_back(std::move(*pair));
    }
  }
  if (auto* start = std::get_if<DaemonStartOptions>(&*m_parsed.command)) {
    start->runtime = absolute(start->runtime);
    start->state = absolute(start->state);
    if (!m_durable.empty()) {
      start->settings.insert(
          start->settings.end(),
          {"--durable", m_durable == "none" || m_durable.starts_with(k_rclone_prefix)
                            ? m_durable
                            : absolute(m_durable)});
    }
  }
  return std::move(m_parsed);
}

} // namespace

Parsed parse_options(const std::vector<std::string>& arguments) {
  return CommandLine().parse(arguments);
}

} // namespace gpujob::client
