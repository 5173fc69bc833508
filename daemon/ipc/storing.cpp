// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/storing.h"

#include "common/file.h"
#include "common/json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace gpujob::ipc {

using policy::Checkpoint;
using policy::CheckpointState;

namespace {

constexpr std::size_t k_max_file = 4096;
/// Before that a rate says more of the page cache than of the storage.
constexpr double k_least_seconds = 1;

/// Another one of the job's may hold it as well: that one removes the file before it does anything.
bool has_helper(const std::string& lock) {
  const auto taken = lock_file(lock);
  return !taken && taken.error().code == Errc::refused;
}

} // namespace

bool is_being_stored(const Checkpoint& c) {
  return c.state == CheckpointState::securing || c.copying;
}

std::optional<Storing> read_storing(const StatePaths& paths, const policy::Job& job) {
  if (std::ranges::none_of(job.checkpoints, is_being_stored)) {
    return std::nullopt;
  }
  const auto bytes = read_file(paths.storing(job.id), k_max_file);
  const auto j = bytes ? json::parse(*bytes, "storing") : Result<json::Json>(bytes.error());
  if (!j || !has_helper(paths.helper_lock(job.id))) {
    return std::nullopt;
  }
  json::Reader r(*j, "storing");
  Storing s;
  s.seq = static_cast<int>(r.integer_in("seq", 1, std::numeric_limits<int>::max()));
  s.total = r.integer_in("total_bytes", 1, std::numeric_limits<std::int64_t>::max());
  s.done = r.integer_in("done_bytes", 0, std::max<std::int64_t>(s.total, 0));
  const auto seconds = r.maybe_number("seconds").value_or(0);
  if (!r.ok()) {
    return std::nullopt;
  }
  if (seconds >= k_least_seconds && s.done > 0) {
    s.per_second = static_cast<double>(s.done) / seconds;
  }
  return s;
}

} // namespace gpujob::ipc
