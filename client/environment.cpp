// SPDX-License-Identifier: Apache-2.0
#include "client/environment.h"

#include "common/text.h"

#include <algorithm>
#include <array>
#include <unistd.h>

namespace gpujob::client {

namespace {

constexpr std::array<std::string_view, 10> k_job_variables{
    "GPUJOB_JOB_ID",   "GPUJOB_JOB_NAME", "GPUJOB_ATTEMPT",     "GPUJOB_DEADLINE", "GPUJOB_GRACE_S",
    "GPUJOB_CKPT_DIR", "GPUJOB_RESUME",   "GPUJOB_NOTICE_FILE", "GPUJOB_SOCKET",   "GPUJOB_GPUS"};

} // namespace

std::vector<std::string> own_environment() {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    out.emplace_back(*entry);
  }
  return out;
}

std::vector<std::string> without_job_variables(std::vector<std::string> environment) {
  // Outside a job NOTIFY_SOCKET is somebody else's, and the user may mean the job to have it.
  const bool in_job = !value_of(environment, "GPUJOB_JOB_ID").empty();
  std::erase_if(environment, [&](const std::string& entry) {
    const auto name = name_of(entry);
    return std::ranges::find(k_job_variables, name) != k_job_variables.end() ||
           (in_job && name == "NOTIFY_SOCKET");
  });
  return environment;
}

std::vector<std::string>
with_values(std::vector<std::string> environment,
            const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& pair : values) {
    std::erase_if(environment, [&](const std::string& e) { return name_of(e) == pair.first; });
    environment.push_back(pair.first + "=" + pair.second);
  }
  return environment;
}

std::vector<std::string> path_dirs(const std::vector<std::string>& environment) {
  auto dirs = split(value_of(environment, "PATH"), ':');
  std::erase_if(dirs, [](const std::string& dir) { return !dir.starts_with('/'); });
  return dirs;
}

} // namespace gpujob::client
