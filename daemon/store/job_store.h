// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/policy/job.h"
#include "daemon/store/database.h"

#include <memory>
#include <string>
#include <vector>

namespace gpujob::store {

/// A job as it was stored, and whether its running part is of this boot.
struct StoredJob {
  policy::Job job;
  std::string boot_id;
};

/// The tables `jobs` and `checkpoints`. Part of Store, on its connection.
class JobStore {
public:
  /// What is written is of the boot `boot_id`.
  static Result<std::unique_ptr<JobStore>> open(Database& db, std::string boot_id);

  /// In the order of submission.
  Result<std::vector<StoredJob>> load();

  /// Both inside the caller's transaction; a job goes with its checkpoints.
  Result<void> write(const policy::Job& job);
  Result<void> remove(const policy::JobId& id);

private:
  struct Statements;
  JobStore(Database& db, std::string boot_id, std::unique_ptr<Statements> sql);
  Result<void> write_checkpoint(const policy::JobId& id, const policy::Checkpoint& c);
  Result<std::vector<policy::Checkpoint>> load_checkpoints(const policy::JobId& id);

  Database& m_db;
  std::string m_boot_id;
  std::unique_ptr<Statements> m_sql;

public:
  JobStore(const JobStore&) = delete;
  JobStore& operator=(const JobStore&) = delete;
  ~JobStore();
};

} // namespace gpujob::store
