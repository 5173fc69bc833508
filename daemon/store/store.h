// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/policy/records.h"
#include "daemon/policy/world.h"
#include "daemon/store/database.h"
#include "daemon/store/gpu_store.h"
#include "daemon/store/job_store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gpujob::store {

class RecordStore;

struct StoredSession {
  std::string id;
  std::string settings; ///< JSON
};

/// What a commit outlives when it has returned.
enum class Outlives : std::uint8_t {
  daemon,    ///< the daemon's death: written, not synced (synchronous=NORMAL)
  power_cut, ///< the machine's: synced (synchronous=FULL), with every commit before it
};

/// The daemon's database: STATE/gpujob.db, WAL. Owned by the loop, one thread.
class Store {
public:
  /// Opens or creates, checks (PRAGMA quick_check) and migrates. Errc::refused: of a newer version,
  /// not touched. Errc::bad_data, here and below: damaged.
  static Result<std::unique_ptr<Store>> open(const std::string& path, std::string boot_id);

  Result<std::vector<StoredJob>> load_jobs();
  /// The session written last.
  Result<std::optional<StoredSession>> load_session();
  Result<void> save_session(const StoredSession& session);

  /// One transaction: every job of `ids` as it is in `w`, one that is no longer there is deleted;
  /// and what happened.
  Result<void> commit(const policy::World& w, const std::set<policy::JobId>& ids,
                      Outlives what = Outlives::power_cut, const policy::NewRecords& news = {});

  /// What happened, as it was stored: from `since` on, and after the one numbered `after`.
  Result<std::vector<policy::StoredOccurrence>> events(std::optional<WallTime> since,
                                                       std::int64_t after, int most);
  /// Those that had not ended before `since`.
  Result<std::vector<policy::StoredAttempt>> attempts(std::optional<WallTime> since,
                                                      std::int64_t after, int most);

  /// What the GPUs did; in the same database.
  [[nodiscard]] GpuStore& gpu() { return m_gpu; }

private:
  explicit Store(Database db);
  Result<void> set_outlives(Outlives what);
  Result<void> sync();

  Database m_db;
  std::optional<Outlives> m_outlives; ///< as the connection is set now
  bool m_unsynced = false;            ///< the last commit was not synced
  GpuStore m_gpu;
  std::unique_ptr<JobStore> m_jobs;
  std::unique_ptr<RecordStore> m_records;

public:
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();
};

} // namespace gpujob::store
