// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/top/gpus.h"
#include "client/views/job.h"
#include "client/views/session.h"
#include "common/result.h"
#include "common/time.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// All that the screen shows: what the daemon said last, and what the person chose. No clock, no
/// socket, no terminal.
namespace gpujob::client::top {

struct Job {
  JobView view;
  bool known_whole = false; ///< all of it was asked for, not only what a list says
  std::optional<WallTime> done_at;

  /// It has a process, or is about to.
  [[nodiscard]] bool active() const;
  [[nodiscard]] bool ended() const;
  /// The newest that is being looked at or copied; nullptr: none.
  [[nodiscard]] const CheckpointView* on_its_way() const;
};

/// `job` of the wire, in full or as `ps` lists it. `now`: for an estimate given in seconds.
Result<Job> read_job(const nlohmann::json& document, WallTime now);

enum class Page : std::uint8_t { main, logs, help };

struct Choice {
  Page page = Page::main;
  std::string job;         ///< the id of the selected one
  bool asks_stop = false;  ///< waiting for y or n
  std::size_t rows_up = 0; ///< of the log page: how far from its end
};

/// The output of the selected job.
struct Log {
  int attempt = 0; ///< whose; 0: it is not known where it is
  std::string path;
  std::vector<std::string> lines; ///< the last ones, the newest last; bytes of the job
  bool whole = true;              ///< there is nothing before them
  std::int64_t size = -1;         ///< of the file when they were read; -1: they were not
  std::int64_t changed_ns = 0;    ///< its mtime then
};

struct Model {
  WallTime now{};
  std::optional<SessionView> session;
  std::vector<Job> jobs; ///< those that run first
  std::int64_t more = 0; ///< ended ones that are not listed
  std::optional<Gpus> gpus;
  std::string no_gpus;                 ///< why they are not asked; empty: not known yet
  std::optional<WallTime> gone_since;  ///< no daemon answers
  std::optional<WallTime> asked_since; ///< one was asked then and has not answered
  Log log;
  std::string message; ///< of the last thing that was done, or that failed
  Choice choice;

  /// The new list. What is known of jobs that are still there stays; so does the selection.
  void list(std::vector<Job> jobs);
  /// The whole of one that is listed.
  void put(Job job);
  /// nullptr when there is none.
  [[nodiscard]] const Job* selected() const;
  /// Somebody has scrolled up in the output; what he reads is not to be pulled away.
  [[nodiscard]] bool held() const { return choice.page == Page::logs && choice.rows_up > 0; }
  /// Where the output of the selected job's newest attempt is must be asked.
  [[nodiscard]] bool lacks_log() const;
  void select(std::ptrdiff_t step);

private:
  /// Whose output is shown until now is no longer.
  void choose(std::string id);
};

} // namespace gpujob::client::top
