// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/checkpoint_watch.h"

#include "common/layout.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace gpujob::jobs {

using namespace std::chrono_literals;

namespace {

/// Files count when they are unchanged for two seconds.
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
      seen = Seen{candidate.signature, now, false, false};
    }
    if (seen.reported || (!at_once && now - seen.since < k_settle)) {
      continue;
    }
    if (const auto complete = layout::check_complete(candidate.path)) {
      seen.reported = true;
      found.push_back({candidate.path, candidate.signature, seen.since});
    } else if (!std::exchange(seen.passed_over, true)) {
      m_passed_over.push_back({candidate.path, complete.error().text});
    }
  }
  return found;
}

std::vector<PassedOver> CheckpointWatch::take_passed_over() {
  return std::exchange(m_passed_over, {});
}

void CheckpointWatch::known(const std::vector<KnownCheckpoint>& known) {
  auto globs = m_globs;
  for (const auto& k : known) {
    globs.push_back(glob_escape(k.path));
  }
  const auto candidates = layout::find_candidates(m_dir, globs);
  const auto is_known = [&](const layout::Candidate& c) {
    return std::any_of(known.begin(), known.end(), [&](const KnownCheckpoint& k) {
      return k.path == c.path && k.signature == c.signature;
    });
  };
  std::optional<WallTime> newest;
  for (const auto& c : candidates) { // oldest first
    if (is_known(c)) {
      m_seen[c.path] = Seen{c.signature, {}, true, false};
      // One that is not whole will prove bad, and then the ones before it are what there is.
      newest = layout::check_complete(c.path) ? std::optional(c.newest_mtime) : newest;
    }
  }
  for (const auto& c : candidates) {
    if (newest && c.newest_mtime < *newest) {
      m_seen[c.path] = Seen{c.signature, {}, true, false};
    }
  }
}

} // namespace gpujob::jobs
