// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/options.h"

#include <CLI/CLI.hpp>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// For options.cpp and the files beside this one alone: CLI11 costs each that includes it seconds.
namespace gpujob::client {

/// The command line while its verbs declare themselves and it is read. It owns what they are read
/// into, and in the end knows which was given.
class Verbs {
public:
  CLI::App& app() { return m_app; }

  /// What a verb is read into; it lives as long as this does.
  template <typename Options>
  Options& options();

  /// Declares a verb: where it is given, and no verb of its own, `options` are the command.
  template <typename Options>
  CLI::App& add(CLI::App& parent, const char* name, const char* what, const char* example,
                Options& options);

  void choose(Command command) { m_chosen = std::move(command); }
  std::optional<Command>& chosen() { return m_chosen; }

private:
  CLI::App m_app{"Runs training in a notebook VM that will be taken away, and loses none of it."};
  std::deque<Command> m_options; ///< whose elements never move
  std::optional<Command> m_chosen;
};

template <typename Options>
Options& Verbs::options() {
  return std::get<Options>(m_options.emplace_back(Options{}));
}

template <typename Options>
CLI::App& Verbs::add(CLI::App& parent, const char* name, const char* what, const char* example,
                     Options& options) {
  auto* app = parent.add_subcommand(name, what);
  app->add_flag("--json", options.json, "One JSON document on stdout");
  app->footer(std::string("Example: ") + example);
  app->callback([this, app, &options] {
    if (app->get_subcommands().empty()) {
      choose(options);
    }
  });
  return *app;
}

// run.cpp
void declare_run(Verbs& verbs);
/// Where in the arguments after "run" the user's command begins: after "--", or at the first word
/// that is neither an option of ours nor the value of one. From there on nothing is ours.
std::size_t command_begins(const CLI::App& run, const std::vector<std::string>& arguments);

// jobs.cpp
/// ps, show, checkpoints, logs
void declare_job_views(Verbs& verbs);
/// attach, checkpoint, stop, wait, rm
void declare_job_actions(Verbs& verbs);

// machine.cpp
void declare_gpu(Verbs& verbs);
void declare_platforms(Verbs& verbs);
void declare_doctor(Verbs& verbs);
void declare_bench(Verbs& verbs);

// session.cpp
void declare_quota(Verbs& verbs);
void declare_limits(Verbs& verbs);
void declare_notice(Verbs& verbs);

// overview.cpp
void declare_top(Verbs& verbs);
void declare_report(Verbs& verbs);
void declare_metrics(Verbs& verbs);

// daemon.cpp
void declare_daemon(Verbs& verbs);
void declare_simulate(Verbs& verbs);

} // namespace gpujob::client
