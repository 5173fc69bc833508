// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/sample.h"
#include "common/result.h"
#include "common/time.h"
#include "daemon/store/database.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gpujob::store {

/// The probe's whole answer at a moment of a job's life.
struct GpuSnapshotRow {
  std::int64_t id = 0; ///< rises; given by the store
  WallTime at{};
  std::string reason;
  std::optional<std::string> job;
  std::optional<std::int64_t> attempt;
  std::string document; ///< JSON
};

/// The GPU tables of the daemon's database: what they take is bounded, and the oldest goes first.
/// Writes are not synced. Belongs to the Store whose database it is.
class GpuStore {
public:
  /// `before_write` makes the connection one that does not sync.
  GpuStore(Database& db, std::function<Result<void>()> before_write);

  /// In one transaction, all or none.
  Result<void> add(std::span<const GpuSampleOf> samples, std::span<const GpuSampleOf> minutes);
  /// Every GPU there are samples of, in the order in which they were first seen.
  Result<std::vector<std::string>> gpus();
  /// At most `most` samples of one step, after an instant, oldest first.
  Result<std::vector<GpuSample>> history(const std::string& gpu, int step_s, std::int64_t after,
                                         std::size_t most);

  Result<void> add(const GpuSnapshotRow& snapshot);
  /// At most `most` after one of that id, oldest first; of one job, or of all.
  Result<std::vector<GpuSnapshotRow>> snapshots(const std::optional<std::string>& job,
                                                std::int64_t after, std::size_t most);

private:
  Result<std::int64_t> id_of(const std::string& gpu);
  Result<void> put(std::span<const GpuSampleOf> samples, int step_s);
  Result<void> forget(std::int64_t newest);

  Database& m_db;
  std::function<Result<void>()> m_before_write;
  std::optional<Statement> m_put; ///< prepared by the first write
  std::map<std::string, std::int64_t> m_ids;
  int m_writes = 0;
};

} // namespace gpujob::store
