// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/store.h"

#include "common/text.h"
#include "daemon/store/record_store.h"
#include "schema/embedded.h"

#include <fmt/format.h>
#include <utility>

namespace gpujob::store {

using namespace policy;

namespace {

Result<void> check(Database& db) {
  auto query = db.prepare("PRAGMA quick_check(1)");
  if (!query) {
    return query.error();
  }
  auto row = query->step();
  if (!row) {
    return row.error();
  }
  const auto verdict = query->bytes(0);
  return verdict == "ok" ? Result<void>{} : Error{Errc::bad_data, "database: damaged: " + verdict};
}

/// NNNN of NNNN_name.sql.
std::int64_t number_of(const schema::File& migration) {
  return parse_int(migration.name.substr(0, 4)).value_or(0);
}

/// Migration NNNN_*.sql brings the database to version NNNN.
Result<void> migrate(Database& db, const std::string& path) {
  auto query = db.prepare("PRAGMA user_version");
  if (!query) {
    return query.error();
  }
  auto row = query->step();
  if (!row) {
    return row.error();
  }
  const auto version = query->integer(0);
  query->reset();
  const auto migrations = schema::migrations();
  const auto newest = migrations.empty() ? 0 : number_of(migrations.back());
  if (version > newest) {
    return Error{Errc::refused,
                 fmt::format("database: {}: written by a newer gpujob (schema {}, this one knows "
                             "{}): use that version, or another --state",
                             path, version, newest)};
  }
  for (const auto& file : migrations) {
    const auto number = number_of(file);
    if (number <= version) {
      continue;
    }
    Transaction transaction(db);
    GPUJOB_TRY(transaction.begin());
    GPUJOB_TRY(db.execute(std::string(file.content)));
    GPUJOB_TRY(db.execute(fmt::format("PRAGMA user_version={}", number)));
    GPUJOB_TRY(transaction.commit());
  }
  return {};
}

} // namespace

Store::Store(Database db)
    : m_db(std::move(db)), m_gpu(m_db, [this] { return set_outlives(Outlives::daemon); }) {}

Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& path, std::string boot_id) {
  auto db = Database::open(path);
  if (!db) {
    return db.error();
  }
  // The version is looked at before any pragma that would write.
  GPUJOB_TRY(db->execute("PRAGMA foreign_keys=ON; PRAGMA busy_timeout=2000; "
                         "PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY"));
  GPUJOB_TRY(check(*db));
  GPUJOB_TRY(migrate(*db, path));
  GPUJOB_TRY(db->execute("PRAGMA journal_mode=WAL"));
  std::unique_ptr<Store> store(new Store(std::move(*db)));
  GPUJOB_TRY(store->set_outlives(Outlives::power_cut));
  auto jobs = JobStore::open(store->m_db, std::move(boot_id));
  if (!jobs) {
    return jobs.error();
  }
  store->m_jobs = std::move(*jobs);
  auto records = RecordStore::open(store->m_db);
  if (!records) {
    return records.error();
  }
  store->m_records = std::move(*records);
  return store;
}

Result<void> Store::set_outlives(Outlives what) {
  if (m_outlives != what) {
    m_outlives.reset();
    GPUJOB_TRY(m_db.execute(what == Outlives::power_cut ? "PRAGMA synchronous=FULL"
                                                        : "PRAGMA synchronous=NORMAL"));
    m_outlives = what;
  }
  return {};
}

Result<void> Store::commit(const World& w, const std::set<JobId>& ids, Outlives what,
                           const NewRecords& news) {
  const bool syncs = what == Outlives::power_cut;
  if (ids.empty() && news.empty()) {
    return syncs && std::exchange(m_unsynced, false) ? sync() : Result<void>{};
  }
  GPUJOB_TRY(set_outlives(what));
  Transaction transaction(m_db);
  GPUJOB_TRY(transaction.begin());
  for (const auto& id : ids) {
    const auto it = w.jobs.find(id);
    if (it == w.jobs.end()) {
      GPUJOB_TRY(m_jobs->remove(id));
    } else {
      GPUJOB_TRY(m_jobs->write(it->second));
    }
  }
  GPUJOB_TRY(m_records->write(w.session.id, news));
  auto done = transaction.commit();
  if (done) {
    m_unsynced = !syncs;
  }
  return done;
}

Result<std::vector<StoredJob>> Store::load_jobs() {
  return m_jobs->load();
}

Result<std::vector<StoredOccurrence>> Store::events(std::optional<WallTime> since,
                                                    std::int64_t after, int most) {
  return m_records->events(since, after, most);
}

Result<std::vector<StoredAttempt>> Store::attempts(std::optional<WallTime> since,
                                                   std::int64_t after, int most) {
  return m_records->attempts(since, after, most);
}

/// What was written before, where there is nothing to write now: a checkpoint of the WAL begins
/// with its fsync.
Result<void> Store::sync() {
  auto done = m_db.execute("PRAGMA wal_checkpoint(PASSIVE)");
  m_unsynced = !done;
  return done;
}

Result<std::optional<StoredSession>> Store::load_session() {
  auto q = m_db.prepare("SELECT id, settings FROM sessions ORDER BY ord DESC LIMIT 1");
  if (!q) {
    return q.error();
  }
  auto row = q->step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<StoredSession>{};
  }
  return std::optional(StoredSession{q->bytes(0), q->bytes(1)});
}

Result<void> Store::save_session(const StoredSession& session) {
  auto q = m_db.prepare("INSERT INTO sessions (id, ord, settings) VALUES "
                        "(?, (SELECT coalesce(max(ord), 0) + 1 FROM sessions), ?) "
                        "ON CONFLICT (id) DO UPDATE SET settings=excluded.settings");
  if (!q) {
    return q.error();
  }
  return q->bind_text(1, session.id).bind_text(2, session.settings).run();
}

} // namespace gpujob::store
