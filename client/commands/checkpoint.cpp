// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/render/job.h"
#include "client/watcher.h"
#include "common/clock.h"
#include "common/json.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

using json::Json;

/// The first checkpoint that was not there before and about which all is known.
const CheckpointView* decided(const JobView& view, std::int64_t before) {
  const auto it = std::ranges::find_if(
      view.checkpoints, [&](const CheckpointView& c) { return c.seq > before && !c.pending(); });
  return it == view.checkpoints.end() ? nullptr : &*it;
}

Result<Json> ask(Connection& connection, const std::string& job) {
  return connection.call("checkpoint", {{"job", job}});
}

Result<int> ask_only(Connection& connection, const CheckpointOptions& options) {
  auto answer = ask(connection, options.job);
  if (!answer) {
    return answer.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json(*answer));
  } else {
    note(fmt::format("asked {} to save; to wait for the answer: gpujob checkpoint --wait {}",
                     options.job, options.job));
  }
  return 0;
}

Result<int> tell(const CheckpointOptions& options, Json answer, const JobView& view,
                 const CheckpointView* saved) {
  if (options.json) {
    answer["confirmed"] = saved != nullptr && saved->confirmed;
    answer["job_view"] = Json::parse(view.raw);
    GPUJOB_TRY(print_json(answer));
  } else if (saved == nullptr) {
    note(fmt::format("{} ended before it saved: {}", view.name, how_it_ended(view)));
  } else {
    GPUJOB_TRY(print(render_checkpoint(*saved, read_clocks().wall) + "\n"));
  }
  return saved != nullptr && saved->confirmed ? 0 : 1;
}

} // namespace

Result<int> execute(const CheckpointOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  if (!options.wait) {
    return ask_only(*connection, options);
  }
  // Watch first: the answer of a quick job must not come before anybody looks.
  auto watcher = Watcher::start(std::move(*connection), options.job);
  if (!watcher) {
    return watcher.error();
  }
  const auto& there = watcher->view().checkpoints;
  const auto before = there.empty() ? 0 : there.back().seq;
  auto answer = ask(watcher->connection(), options.job);
  if (!answer) {
    return answer.error();
  }
  Interrupts interrupts;
  auto told = watch_until(*watcher, interrupts, [&](const JobView& v) {
    return decided(v, before) != nullptr || v.settled();
  });
  if (!told) {
    return told.error();
  }
  if (!*told) {
    return k_interrupted_exit;
  }
  return tell(options, std::move(*answer), watcher->view(), decided(watcher->view(), before));
}

} // namespace gpujob::client
