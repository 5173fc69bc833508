// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/policy/records.h"
#include "daemon/store/database.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::store {

/// So many rows are kept: those of weeks of sessions. The oldest go.
inline constexpr std::int64_t k_most_events = 20'000;
inline constexpr std::int64_t k_most_attempts = 5'000;

/// What happened: the tables `events` and `attempts`. Part of Store, on its connection.
class RecordStore {
public:
  static Result<std::unique_ptr<RecordStore>> open(Database& db);

  /// Inside the caller's transaction. What was told of the session in the same words is told once.
  Result<void> write(const std::string& session, const policy::NewRecords& news);

  Result<std::vector<policy::StoredOccurrence>> events(std::optional<WallTime> since,
                                                       std::int64_t after, int most);
  Result<std::vector<policy::StoredAttempt>> attempts(std::optional<WallTime> since,
                                                      std::int64_t after, int most);

private:
  struct Statements;
  explicit RecordStore(std::unique_ptr<Statements> sql);
  Result<void> begin_session(const std::string& session);
  Result<void> write_event(const std::string& session, const policy::Occurrence& o);
  Result<void> write_attempt(const std::string& session, const policy::AttemptRecord& a);

  std::unique_ptr<Statements> m_sql;

public:
  RecordStore(const RecordStore&) = delete;
  RecordStore& operator=(const RecordStore&) = delete;
  ~RecordStore();
};

} // namespace gpujob::store
