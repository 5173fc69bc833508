// SPDX-License-Identifier: Apache-2.0
#include "client/options/verbs.h"
#include "common/remote_name.h"

#include <algorithm>
#include <filesystem>
#include <memory>

namespace gpujob::client {

namespace {

std::string absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

std::string durable_setting(const std::string& durable) {
  return durable == "none" || durable.starts_with(k_rclone_prefix) ? durable : absolute(durable);
}

void add_settings(CLI::App& start, DaemonStartOptions& o) {
  const auto setting = [&](const char* flag, const char* type, const char* what) {
    start
        .add_option_function<std::string>(
            flag,
            [&o, flag](const std::string& value) {
              o.settings.insert(o.settings.end(), {flag, value});
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

void declare_start(Verbs& verbs, CLI::App& daemon) {
  auto& o = verbs.options<DaemonStartOptions>();
  auto& start = verbs.add(daemon, "start", "Start the daemon with settings of the session",
                          "gpujob daemon start --session-limit 9h --durable /mnt/data/gpujob", o);
  start.add_option("--runtime", o.runtime, "Its lock and socket ($GPUJOB_RUNTIME_DIR)")
      ->type_name("DIR");
  start.add_option("--state", o.state, "Its database and logs ($GPUJOB_STATE_DIR)")
      ->type_name("DIR");
  const auto durable = std::make_shared<std::string>();
  start
      .add_option("--durable", *durable,
                  "What outlives this VM: a directory, rclone:NAME:PATH, or none "
                  "($GPUJOB_DURABLE_DIR)")
      ->type_name("DIR");
  add_settings(start, o);
  start.callback([&verbs, &o, durable] {
    o.runtime = absolute(o.runtime);
    o.state = absolute(o.state);
    if (!durable->empty()) {
      o.settings.insert(o.settings.end(), {"--durable", durable_setting(*durable)});
    }
    verbs.choose(o);
  });
}

} // namespace

void declare_daemon(Verbs& verbs) {
  auto* daemon = verbs.app().add_subcommand("daemon", "The daemon: start, stop, status");
  daemon->require_subcommand(1);
  daemon->footer(
      "Example: gpujob daemon start --session-limit 9h --durable /content/drive/MyDrive/gpujob");
  declare_start(verbs, *daemon);
  verbs.add(*daemon, "stop", "Stop the daemon; jobs run on", "gpujob daemon stop",
            verbs.options<DaemonStopOptions>());
  verbs.add(*daemon, "status", "Whether it runs, and where", "gpujob daemon status --json",
            verbs.options<DaemonStatusOptions>());
}

void declare_simulate(Verbs& verbs) {
  auto* simulate = verbs.app().add_subcommand(
      "simulate", "Ways to decide when to save, compared on simulated sessions");
  simulate->set_help_flag(); // its options are gpujobd's
  simulate->prefix_command();
  simulate->callback([&verbs, simulate] {
    SimulateOptions o{simulate->remaining(), false};
    o.json = std::ranges::find(o.arguments, "--json") != o.arguments.end();
    verbs.choose(std::move(o));
  });
}

} // namespace gpujob::client
