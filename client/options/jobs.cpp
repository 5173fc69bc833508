// SPDX-License-Identifier: Apache-2.0
#include "client/options/verbs.h"

namespace gpujob::client {

namespace {

constexpr const char* k_job_help = "A name, an id, or the beginning of an id";

/// One job or several, by the type of `into`.
template <typename Into>
CLI::Option* add_job(CLI::App& app, Into& into) {
  return app.add_option("JOB", into, k_job_help)->type_name("");
}

void declare_logs(Verbs& verbs) {
  auto& o = verbs.options<LogsOptions>();
  auto& logs = verbs.add(verbs.app(), "logs", "The output of a job", "gpujob logs -f digits", o);
  add_job(logs, o.job)->required();
  logs.add_flag("-f,--follow", o.follow, "Stay for what is still to come");
  logs.add_option("--attempt", o.attempt, "Of this attempt instead of the last")->type_name("N");
  logs.add_flag("--path", o.path, "Only say in which file it is");
}

void declare_stop(Verbs& verbs) {
  auto& o = verbs.options<StopOptions>();
  auto& stop =
      verbs.add(verbs.app(), "stop", "Ask jobs to save, then end them", "gpujob stop digits", o);
  add_job(stop, o.jobs);
  stop.add_flag("--all", o.all, "All that run or wait");
  stop.add_flag("--now", o.now, "Without a checkpoint");
  stop.add_flag_callback(
      "--wait", [&o] { o.wait = true; }, "Until they have ended (default)");
  stop.add_flag_callback(
      "--no-wait", [&o] { o.wait = false; }, "Return at once");
}

} // namespace

void declare_job_views(Verbs& verbs) {
  auto& app = verbs.app();
  auto& ps = verbs.options<PsOptions>();
  verbs.add(app, "ps", "List jobs", "gpujob ps --all", ps)
      .add_flag("-a,--all", ps.all, "All that ended, not only the last 10");
  auto& show = verbs.options<ShowOptions>();
  add_job(verbs.add(app, "show", "Everything about one job", "gpujob show digits", show), show.job)
      ->required();
  auto& checkpoints = verbs.options<CheckpointsOptions>();
  add_job(verbs.add(app, "checkpoints", "What a job has saved, how that is known, and where",
                    "gpujob checkpoints digits", checkpoints),
          checkpoints.job)
      ->required();
  declare_logs(verbs);
}

void declare_job_actions(Verbs& verbs) {
  auto& app = verbs.app();
  auto& attach = verbs.options<AttachOptions>();
  add_job(verbs.add(app, "attach", "Show the output of a running job and return what it returns",
                    "gpujob attach digits", attach),
          attach.job)
      ->required();
  auto& o = verbs.options<CheckpointOptions>();
  auto& checkpoint = verbs.add(app, "checkpoint", "Ask a job to save and go on",
                               "gpujob checkpoint digits --wait", o);
  add_job(checkpoint, o.job)->required();
  checkpoint.add_flag("--wait", o.wait, "Until it is confirmed (0) or is not (1)");
  declare_stop(verbs);
  auto& wait = verbs.options<WaitOptions>();
  add_job(verbs.add(app, "wait", "Wait for the end of jobs; return what they return, the largest",
                    "gpujob wait digits", wait),
          wait.jobs)
      ->required();
  auto& rm = verbs.options<RmOptions>();
  add_job(verbs.add(app, "rm", "Forget ended jobs and their files here", "gpujob rm digits", rm),
          rm.jobs)
      ->required();
}

} // namespace gpujob::client
