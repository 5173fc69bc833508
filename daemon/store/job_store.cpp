// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/job_store.h"

#include "common/json.h"
#include "common/text.h"
#include "daemon/store/job_codec.h"
#include "daemon/store/rows.h"
#include "daemon/store/state_codec.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace gpujob::store {

using namespace policy;

struct JobStore::Statements {
  Statement put_job, delete_job, put_checkpoint, delete_checkpoints, get_checkpoints;
};

namespace {

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

JobStore::JobStore(Database& db, std::string boot_id, std::unique_ptr<Statements> sql)
    : m_db(db), m_boot_id(std::move(boot_id)), m_sql(std::move(sql)) {}

JobStore::~JobStore() = default;

Result<std::unique_ptr<JobStore>> JobStore::open(Database& db, std::string boot_id) {
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
    auto statement = db.prepare(sql);
    if (!statement) {
      return statement.error();
    }
    statements.push_back(std::move(*statement));
  }
  auto sql = std::make_unique<Statements>(
      Statements{std::move(statements[0]), std::move(statements[1]), std::move(statements[2]),
                 std::move(statements[3]), std::move(statements[4])});
  return std::unique_ptr<JobStore>(new JobStore(db, std::move(boot_id), std::move(sql)));
}

Result<void> JobStore::write(const Job& job) {
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

Result<void> JobStore::write_checkpoint(const JobId& id, const Checkpoint& c) {
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

Result<void> JobStore::remove(const JobId& id) {
  return m_sql->delete_job.bind_text(1, id).run();
}

Result<std::vector<Checkpoint>> JobStore::load_checkpoints(const JobId& id) {
  return rows<Checkpoint>(m_sql->get_checkpoints.bind_text(1, id), read_checkpoint);
}

Result<std::vector<StoredJob>> JobStore::load() {
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

} // namespace gpujob::store
