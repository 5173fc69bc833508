// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"

#include <CLI/CLI.hpp>

namespace gpujob {

Parsed parse_options(int argc, char** argv) {
  Options o;
  CLI::App app{"gpujobd, the daemon of gpujob. Start it with: gpujob daemon start"};
  app.set_version_flag("--version", "gpujobd " GPUJOB_VERSION);
  app.add_option("--runtime", o.settings.runtime_dir, "runtime directory (socket, lock)");
  app.add_option("--state", o.settings.state_dir, "state directory (database, logs)");
  app.add_option("--platform", o.settings.platform, "platform instead of the detected one");
  app.add_option("--plan", o.settings.plan, "the platform's plan");
  app.add_option("--session-limit", o.settings.session_limit, "how long a session lives");
  app.add_option("--session-start", o.settings.session_start, "when it began");
  app.add_option("--durable", o.settings.durable, "durable directory, rclone:NAME:PATH, or none");
  app.add_option("--slots", o.settings.slots, "jobs at once (1, and beside it those with --gpus)");
  app.add_option("--notices", o.settings.notices, "whom to ask whether the machine is taken back");
  app.add_option("--on-warning", o.settings.on_warning, "a command for warnings");
  app.add_option("--flush", o.settings.flush, "a command at the session's end, or profile");
  app.add_flag("--background", o.background,
               "log to the state directory, detach from the terminal");
  app.add_flag("--revive", o.revive, "started by a shim");
  app.add_flag("--helper", o.helper, "carry out one request of the daemon");
  app.add_option("--ready-fd", o.ready_fd, "tell there when listening");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return {std::nullopt, app.exit(e) == 0 ? 0 : 2};
  }
  return {std::move(o), 0};
}

} // namespace gpujob
