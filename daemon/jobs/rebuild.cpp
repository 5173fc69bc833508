// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/rebuild.h"

#include "common/file.h"
#include "common/launch.h"
#include "daemon/jobs/attempt_files.h"

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

namespace gpujob::jobs {

namespace {

constexpr std::size_t k_max_launch = 16U << 20U;

std::vector<std::string> names_in(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

std::optional<policy::Job> read_living(const std::string& attempt_dir, Now now) {
  if (!shim_alive(attempt_dir)) {
    return std::nullopt;
  }
  const auto text = read_file(attempt_dir + "/" + attempt_file::k_launch, k_max_launch);
  const auto launch = text ? decode_launch(*text) : Result<Launch>(text.error());
  if (!launch || !launch->spec) {
    return std::nullopt;
  }
  policy::Job job;
  job.id = launch->job_id;
  job.spec = *launch->spec;
  job.attempt = launch->attempt;
  for (const auto& [vendor, uuid] : launch->gpus) {
    job.gpus.push_back({uuid, vendor});
  }
  const auto start = read_start(attempt_dir);
  job.created = start ? start->at : now.wall;
  if (start) {
    policy::Running running;
    running.since = now.boot - (now.wall - start->at);
    running.pid = start->child_pid;
    job.started = start->at;
    job.state = std::move(running);
  } else {
    job.state = policy::Starting{policy::Work::none, policy::Work::issued, launch->plan};
  }
  return job;
}

} // namespace

std::vector<policy::Job> rebuild_living(const StatePaths& state, Now now) {
  std::vector<policy::Job> jobs;
  for (const auto& id : names_in(state.dir + "/jobs")) {
    for (const auto& attempt : names_in(state.job_dir(id))) {
      if (auto job = read_living(state.job_dir(id) + "/" + attempt, now)) {
        job->order = static_cast<std::int64_t>(jobs.size()) + 1;
        jobs.push_back(std::move(*job));
      }
    }
  }
  return jobs;
}

} // namespace gpujob::jobs
