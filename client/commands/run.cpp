// SPDX-License-Identifier: Apache-2.0
#include "client/attached.h"
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/environment.h"
#include "client/output.h"
#include "client/run_request.h"
#include "common/json.h"

#include <cerrno>
#include <climits>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gpujob::client {

namespace {

using json::Json;

struct Submitted {
  JobView job;
  std::string disposition;
  std::vector<std::string> notes;
};

std::string current_directory() {
  std::string path(PATH_MAX, '\0');
  return ::getcwd(path.data(), path.size()) == nullptr ? std::string{} : std::string(path.c_str());
}

Result<Submitted> submit(Connection& connection, const RunOptions& options,
                         const RunRequest& request) {
  const auto memfd = make_sealed_memfd(encode_cmdline(request.cmdline));
  if (!memfd) {
    return memfd.error();
  }
  auto answer = connection.call(
      "run",
      {{"spec", to_json(request.spec)}, {"again", options.again}, {"take_over", options.take_over}},
      memfd->get());
  if (!answer) {
    return answer.error();
  }
  json::Reader reader(*answer, "daemon: run");
  Submitted out;
  out.disposition = reader.text("disposition");
  out.notes = reader.texts_or_empty("notes");
  const auto* job = reader.find("job");
  if (!reader.ok() || job == nullptr) {
    return reader.ok() ? Error{Errc::bad_data, "daemon: run: answers without a job"}
                       : reader.error();
  }
  auto view = read_job_view(*job);
  if (!view) {
    return view.error();
  }
  out.job = std::move(*view);
  return out;
}

/// "digits (k3f9x2ab) resumed", "k3f9x2ab queued: all slots are taken".
std::string headline(const Submitted& s) {
  const auto& v = s.job;
  auto text = v.name == v.id ? v.id : fmt::format("{} ({})", v.name, v.id);
  const auto* from = v.newest_confirmed();
  if (s.disposition == "attached") {
    text += " runs already";
  } else if (s.disposition == "resumed" && from == nullptr) {
    text += " starts again from the beginning: it has no checkpoint";
  } else if (s.disposition == "resumed" && from->step) {
    // Which one it is given shows only when they have been looked at.
    text += fmt::format(" resumed (newest checkpoint: step {})", *from->step);
  } else {
    text += " " + s.disposition;
  }
  return v.waiting() && !v.reason.empty() ? text + ": " + v.reason : text;
}

void tell(const Submitted& s) {
  note(headline(s));
  for (const auto& line : s.notes) {
    note(line);
  }
}

Json document(const Submitted& s, const JobView& now) {
  return {{"job", Json::parse(now.raw)}, {"disposition", s.disposition}, {"notes", s.notes}};
}

Result<int> leave_it(const RunOptions& options, const Submitted& submitted) {
  tell(submitted);
  GPUJOB_TRY(options.json ? print_json(document(submitted, submitted.job))
                          : print(submitted.job.name + "\n"));
  return 0;
}

} // namespace

Result<int> execute(const RunOptions& options) {
  const auto request = make_run_request(options, own_environment(), current_directory());
  if (!request) {
    return request.error();
  }
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  const auto submitted = submit(*connection, options, *request);
  if (!submitted) {
    return submitted.error();
  }
  if (options.detach) {
    return leave_it(options, *submitted);
  }
  tell(*submitted);
  auto watcher = Watcher::start(std::move(*connection), submitted->job.id);
  if (!watcher) {
    return watcher.error();
  }
  const auto from =
      submitted->disposition == "attached" ? LogFollower::From::tail : LogFollower::From::start;
  auto end = options.json ? stay_quiet(*watcher) : stay_attached(*watcher, submitted->job, from);
  if (!end) {
    return end.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json(document(*submitted, end->view)));
  }
  return end->exit.value_or(0);
}

} // namespace gpujob::client
