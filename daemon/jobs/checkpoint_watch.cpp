// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/checkpoint_watch.h"

#include "common/layout.h"

namespace gpujob::jobs {

using namespace std::chrono_literals;

namespace {

/// CONTRACT: files count when they are unchanged for two seconds.
constexpr Duration k_settle = 2s;

/// glob(3) would read these as patterns.
std::string glob_escape(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

} // namespace

std::string signature_of(const std::string& path) {
  const auto found = layout::find_candidates("", {glob_escape(path)});
  for (const auto& candidate : found) {
    if (candidate.path == path) {
      return candidate.signature;
    }
  }
  return {};
}

CheckpointWatch::CheckpointWatch(std::string dir, std::vector<std::string> globs)
    : m_dir(std::move(dir)), m_globs(std::move(globs)) {}

std::vector<std::string> CheckpointWatch::baseline() const {
  std::vector<std::string> out;
  for (const auto& candidate : layout::find_candidates(m_dir, m_globs)) {
    out.push_back(candidate.signature);
  }
  return out;
}

std::vector<FoundCheckpoint> CheckpointWatch::look(BootTime now, bool at_once) {
  std::vector<FoundCheckpoint> found;
  for (const auto& candidate : layout::find_candidates(m_dir, m_globs)) {
    auto& seen = m_seen[candidate.path];
    if (seen.signature != candidate.signature) {
      seen = Seen{candidate.signature, now, false};
    }
    if (seen.reported || (!at_once && now - seen.since < k_settle)) {
      continue;
    }
    if (layout::check_complete(candidate.path)) {
      seen.reported = true;
      found.push_back({candidate.path, candidate.signature, seen.since});
    }
  }
  return found;
}

void CheckpointWatch::known(const std::string& signature) {
  for (auto& [path, seen] : m_seen) {
    if (seen.signature == signature) {
      seen.reported = true;
    }
  }
}

} // namespace gpujob::jobs
