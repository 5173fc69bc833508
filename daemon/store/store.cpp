// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/store.h"

#include "common/json.h"
#include "common/text.h"
#include "daemon/store/job_codec.h"
#include "daemon/store/record_store.h"
#include "daemon/store/rows.h"
#include "schema/embedded.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::store {

using namespace policy;

struct Store::Statements {
  Statement put_job, delete_job, put_checkpoint, delete_checkpoints, get_checkpoints;
};

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

Result<Checkpoint> read_checkpoint(const Statement& q) {
  auto state = checkpoint_state_from_text(q.bytes(3));
  if (!state) {
    return state.error();
  }
  Checkpoint c;
  c.seq = static_cast<int>(q.integer(1));
  c.attempt = static_cast<int>(q.integer(2));
  c.state = *state;
  c.path = q.bytes(4);
  c.signature = q.bytes(5);
  c.step = q.maybe_integer(6);
  c.how = q.bytes(7);
  c.at = wall_from_ns(q.integer(8));
  c.bytes = q.integer(9);
  c.manifest = q.bytes(10);
  c.durable_level = q.bytes(11);
  c.durable_path = q.bytes(12);
  c.note = q.bytes(13);
  return c;
}

} // namespace

Store::Store(Database db, std::string boot_id)
    : m_db(std::move(db)), m_boot_id(std::move(boot_id)),
      m_gpu(m_db, [this] { return set_outlives(Outlives::daemon); }) {}

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
  std::unique_ptr<Store> store(new Store(std::move(*db), std::move(boot_id)));
  GPUJOB_TRY(store->set_outlives(Outlives::power_cut));
  GPUJOB_TRY(store->prepare());
  auto records = RecordStore::open(store->m_db);
  if (!records) {
    return records.error();
  }
  store->m_records = std::move(*records);
  return store;
}

Result<void> Store::prepare() {
  std::vector<Statement> statements;
  for (const auto* sql : {
           "INSERT INTO jobs (id, ord, name, spec, boot_id, state, state_data, attempt, "
           "interruptions, failures, no_progress, created_wall, started_wall, ended_wall, "
           "journal_seq, more) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE "
           "SET ord=excluded.ord, name=excluded.name, spec=excluded.spec, "
           "boot_id=excluded.boot_id, "
           "state=excluded.state, state_data=excluded.state_data, attempt=excluded.attempt, "
           "interruptions=excluded.interruptions, failures=excluded.failures, "
           "no_progress=excluded.no_progress, created_wall=excluded.created_wall, "
           "started_wall=excluded.started_wall, ended_wall=excluded.ended_wall, "
           "journal_seq=excluded.journal_seq, more=excluded.more",
           "DELETE FROM jobs WHERE id=?",
           "INSERT INTO checkpoints VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
           "DELETE FROM checkpoints WHERE job_id=?",
           "SELECT * FROM checkpoints WHERE job_id=? ORDER BY seq",
       }) {
    auto statement = m_db.prepare(sql);
    if (!statement) {
      return statement.error();
    }
    statements.push_back(std::move(*statement));
  }
  m_sql = std::make_unique<Statements>(
      Statements{std::move(statements[0]), std::move(statements[1]), std::move(statements[2]),
                 std::move(statements[3]), std::move(statements[4])});
  return {};
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
      GPUJOB_TRY(m_sql->delete_job.bind_text(1, id).run());
    } else {
      GPUJOB_TRY(write_job(it->second));
    }
  }
  GPUJOB_TRY(m_records->write(w.session.id, news));
  auto done = transaction.commit();
  if (done) {
    m_unsynced = !syncs;
  }
  return done;
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

Result<void> Store::write_job(const Job& job) {
  GPUJOB_TRY(m_sql->put_job.bind_text(1, job.id)
                 .bind(2, job.order)
                 .bind_text(3, job.spec.name)
                 .bind_text(4, json::dump(to_json(job.spec)))
                 .bind_text(5, m_boot_id)
                 .bind_text(6, state_text(job))
                 .bind_text(7, encode_state(job))
                 .bind(8, std::int64_t{job.attempt})
                 .bind(9, job.budgets.interruptions)
                 .bind(10, job.budgets.failures)
                 .bind(11, job.budgets.no_progress)
                 .bind(12, to_ns(job.created))
                 .bind(13, maybe_ns(job.started))
                 .bind(14, maybe_ns(job.ended))
                 .bind(15, job.journal_seq)
                 .bind_text(16, encode_more(job))
                 .run());
  GPUJOB_TRY(m_sql->delete_checkpoints.bind_text(1, job.id).run());
  for (const auto& c : job.checkpoints) {
    GPUJOB_TRY(write_checkpoint(job.id, c));
  }
  return {};
}

Result<void> Store::write_checkpoint(const JobId& id, const Checkpoint& c) {
  return m_sql->put_checkpoint.bind_text(1, id)
      .bind(2, std::int64_t{c.seq})
      .bind(3, std::int64_t{c.attempt})
      .bind_text(4, to_text(c.state))
      .bind_blob(5, c.path)
      .bind_text(6, c.signature)
      .bind(7, c.step)
      .bind_text(8, c.how)
      .bind(9, to_ns(c.at))
      .bind(10, c.bytes)
      .bind_blob(11, c.manifest)
      .bind_text(12, c.durable_level)
      .bind_blob(13, c.durable_path)
      .bind_text(14, printable(c.note))
      .run();
}

Result<std::vector<Checkpoint>> Store::load_checkpoints(const JobId& id) {
  return rows<Checkpoint>(m_sql->get_checkpoints.bind_text(1, id), read_checkpoint);
}

namespace {

Result<StoredJob> read_job(const Statement& q) {
  auto spec_json = json::parse(q.bytes(3), "job spec");
  if (!spec_json) {
    return spec_json.error();
  }
  auto spec = job_spec_from_json(*spec_json);
  auto state = decode_state(q.bytes(5), q.bytes(6));
  if (!spec || !state) {
    return spec ? state.error() : spec.error();
  }
  StoredJob out;
  auto& job = out.job;
  job.id = q.bytes(0);
  job.order = q.integer(1);
  job.spec = std::move(*spec);
  out.boot_id = q.bytes(4);
  job.state = std::move(*state);
  job.attempt = static_cast<int>(q.integer(7));
  job.budgets = {q.integer(8), q.integer(9), q.integer(10)};
  job.created = wall_from_ns(q.integer(11));
  job.started = maybe_wall(q.maybe_integer(12));
  job.ended = maybe_wall(q.maybe_integer(13));
  job.journal_seq = q.integer(14);
  GPUJOB_TRY(decode_more(q.bytes(15), job));
  return out;
}

} // namespace

Result<std::vector<StoredJob>> Store::load_jobs() {
  auto q = m_db.prepare("SELECT id, ord, name, spec, boot_id, state, state_data, attempt, "
                        "interruptions, failures, no_progress, created_wall, started_wall, "
                        "ended_wall, journal_seq, more FROM jobs ORDER BY ord");
  if (!q) {
    return q.error();
  }
  return rows<StoredJob>(*q, [&](const Statement& row) -> Result<StoredJob> {
    auto job = read_job(row);
    if (!job) {
      return Error{job.error().code,
                   fmt::format("database: job {}: {}", row.bytes(0), job.error().text)};
    }
    auto checkpoints = load_checkpoints(job->job.id);
    if (!checkpoints) {
      return checkpoints.error();
    }
    job->job.checkpoints = std::move(*checkpoints);
    return job;
  });
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
