// SPDX-License-Identifier: Apache-2.0
#include "client/options.h"

#include "client/options/verbs.h"
#include "client/output.h"
#include "common/result.h"

#include <algorithm>

namespace gpujob::client {

namespace {

/// In the order in which `gpujob --help` lists them.
void declare_all(Verbs& verbs) {
  auto& app = verbs.app();
  app.name("gpujob");
  app.set_version_flag("--version", "gpujob " GPUJOB_VERSION);
  app.require_subcommand(1);
  app.footer("gpujob COMMAND --help says more.\n\n"
             "Example: gpujob run --name digits -- python3 train.py");
  declare_run(verbs);
  declare_job_views(verbs);
  declare_gpu(verbs);
  declare_top(verbs);
  declare_platforms(verbs);
  declare_doctor(verbs);
  verbs.add(app, "version", "The version of gpujob", "gpujob version --json",
            verbs.options<VersionOptions>());
  declare_quota(verbs);
  declare_limits(verbs);
  declare_notice(verbs);
  declare_report(verbs);
  declare_bench(verbs);
  declare_metrics(verbs);
  declare_simulate(verbs);
  declare_job_actions(verbs);
  declare_daemon(verbs);
}

/// Takes the user's command off the end of "run ...": none of it is for CLI11 to read.
std::vector<std::string> take_command(CLI::App& app, std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front() != "run") {
    return {};
  }
  const std::vector<std::string> after(arguments.begin() + 1, arguments.end());
  const auto begin = std::min(command_begins(*app.get_subcommand("run"), after), after.size());
  std::vector<std::string> command(after.begin() + static_cast<std::ptrdiff_t>(begin), after.end());
  arguments.resize(1 + begin);
  if (arguments.back() == "--") {
    arguments.pop_back();
  }
  return command;
}

Error usage_error(const CLI::App& app, const std::string& verb, const std::string& what) {
  const auto error = [](const std::string& text) { return Error{Errc::usage, text}; };
  if (verb.empty()) {
    return error("usage: no command given: see gpujob --help");
  }
  const auto named = [&](const CLI::App* sub) { return sub->get_name() == verb; };
  if (!app.get_subcommands(named).empty()) {
    return error(verb + ": " + what + ": see gpujob " + verb + " --help");
  }
  return error("usage: " + (verb.front() == '-' ? what : verb + ": no such command") +
               ": see gpujob --help");
}

} // namespace

Parsed parse_options(const std::vector<std::string>& given) {
  Verbs verbs;
  declare_all(verbs);
  auto& app = verbs.app();
  auto arguments = given;
  auto command = take_command(app, arguments);
  const auto verb = arguments.empty() ? std::string{} : arguments.front();
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  try {
    std::ranges::reverse(arguments); // CLI11 takes them from the end
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) {
      return {std::nullopt, app.exit(e)}; // help and version
    }
    return {std::nullopt, report(usage_error(app, verb, e.what()), json)};
  }
  auto& chosen = verbs.chosen();
  if (auto* run = std::get_if<RunOptions>(&*chosen)) {
    run->command = std::move(command);
  }
  return {std::move(chosen), 0};
}

} // namespace gpujob::client
