// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/gpu_store.h"

#include "daemon/store/rows.h"

#include <fmt/format.h>
#include <utility>

namespace gpujob::store {

namespace {

constexpr std::int64_t k_hour_s = 3600;
/// Rows of a step: an hour of 16 GPUs at 1 Hz, and a session of two days of 16. About 30 bytes
/// each.
constexpr std::int64_t k_most_samples = 60'000;
/// GPUs of one machine are a few; what claims to be more is not believed.
constexpr std::size_t k_most_gpus = 256;
/// Old rows lie together at the other end of the table: each time they go costs a page.
constexpr int k_forget_every = 10;

/// Of one job and reason, of everything, and bytes of everything.
constexpr int k_most_alike = 24;
constexpr int k_most_snapshots = 256;
constexpr std::int64_t k_most_snapshot_bytes = 2 << 20;

} // namespace

GpuStore::GpuStore(Database& db, std::function<Result<void>()> before_write)
    : m_db(db), m_before_write(std::move(before_write)) {}

Result<std::int64_t> GpuStore::id_of(const std::string& gpu) {
  if (const auto known = m_ids.find(gpu); known != m_ids.end()) {
    return known->second;
  }
  if (m_ids.size() >= k_most_gpus) {
    return Error{Errc::refused, "database: gpu: there are too many"};
  }
  auto q = m_db.prepare("INSERT INTO gpus (uuid) VALUES (?) "
                        "ON CONFLICT (uuid) DO UPDATE SET uuid=excluded.uuid RETURNING id");
  if (!q) {
    return q.error();
  }
  auto row = q->bind_text(1, gpu).step();
  if (!row) {
    return row.error();
  }
  const auto id = q->integer(0);
  q->reset();
  m_ids[gpu] = id;
  return id;
}

Result<void> GpuStore::put(std::span<const GpuSampleOf> samples, int step_s) {
  for (const auto& [gpu, s] : samples) {
    const auto id = id_of(gpu);
    if (!id) {
      return id.error();
    }
    GPUJOB_TRY(m_put->bind(1, std::int64_t{step_s})
                   .bind(2, s.at)
                   .bind(3, *id)
                   .bind(4, s.use_percent)
                   .bind(5, s.memory_used)
                   .bind(6, s.temperature_c)
                   .bind(7, s.power_mw)
                   .run());
  }
  return {};
}

Result<void> GpuStore::forget(std::int64_t newest) {
  // What lies in the future was written before somebody set the clock back.
  GPUJOB_TRY(m_db.execute(fmt::format("DELETE FROM gpu_samples WHERE step_s={} AND at > {};"
                                      "DELETE FROM gpu_samples WHERE step_s={} AND at > {}",
                                      k_gpu_step_s, newest, k_gpu_minute_s, newest)));
  if (m_writes++ % k_forget_every != 0) {
    return {};
  }
  GPUJOB_TRY(m_db.execute(fmt::format("DELETE FROM gpu_samples WHERE step_s={} AND at <= {}",
                                      k_gpu_step_s, newest - k_hour_s)));
  for (const auto step : {k_gpu_step_s, k_gpu_minute_s}) {
    GPUJOB_TRY(m_db.execute(fmt::format(
        "DELETE FROM gpu_samples WHERE step_s={} AND at < (SELECT at FROM gpu_samples WHERE "
        "step_s={} ORDER BY at DESC LIMIT 1 OFFSET {})",
        step, step, k_most_samples)));
  }
  return {};
}

Result<void> GpuStore::add(std::span<const GpuSampleOf> samples,
                           std::span<const GpuSampleOf> minutes) {
  if (samples.empty() && minutes.empty()) {
    return {};
  }
  if (!m_put) {
    auto put = m_db.prepare("INSERT OR REPLACE INTO gpu_samples VALUES (?,?,?,?,?,?,?)");
    if (!put) {
      return put.error();
    }
    m_put.emplace(std::move(*put));
  }
  GPUJOB_TRY(m_before_write());
  Transaction transaction(m_db);
  GPUJOB_TRY(transaction.begin());
  const auto known = m_ids;
  const auto written = [&]() -> Result<void> {
    GPUJOB_TRY(put(samples, k_gpu_step_s));
    GPUJOB_TRY(put(minutes, k_gpu_minute_s));
    GPUJOB_TRY(forget((samples.empty() ? minutes : samples).back().sample.at));
    return transaction.commit();
  }();
  if (!written) {
    m_ids = known; // ids that were given out are rolled back, too
  }
  return written;
}

Result<std::vector<std::string>> GpuStore::gpus() {
  auto q = m_db.prepare("SELECT uuid FROM gpus ORDER BY id");
  if (!q) {
    return q.error();
  }
  return rows<std::string>(*q, [](const Statement& row) { return row.bytes(0); });
}

Result<std::vector<GpuSample>> GpuStore::history(const std::string& gpu, int step_s,
                                                 std::int64_t after, std::size_t most) {
  auto q = m_db.prepare("SELECT at, use_percent, memory_used, temperature_c, power_mw "
                        "FROM gpu_samples WHERE step_s=? AND at > ? AND "
                        "gpu=(SELECT id FROM gpus WHERE uuid=?) ORDER BY at LIMIT ?");
  if (!q) {
    return q.error();
  }
  q->bind(1, std::int64_t{step_s})
      .bind(2, after)
      .bind_text(3, gpu)
      .bind(4, static_cast<std::int64_t>(most));
  return rows<GpuSample>(*q, [](const Statement& row) {
    return GpuSample{row.integer(0), row.maybe_integer(1), row.maybe_integer(2),
                     row.maybe_integer(3), row.maybe_integer(4)};
  });
}

Result<void> GpuStore::add(const GpuSnapshotRow& s) {
  GPUJOB_TRY(m_before_write());
  Transaction transaction(m_db);
  GPUJOB_TRY(transaction.begin());
  auto put = m_db.prepare("INSERT INTO gpu_snapshots (at_wall, reason, job_id, attempt, document) "
                          "VALUES (?,?,?,?,?)");
  auto thin = m_db.prepare("DELETE FROM gpu_snapshots WHERE job_id=?1 AND reason=?2 AND id <= "
                           "(SELECT id FROM gpu_snapshots WHERE job_id=?1 AND reason=?2 "
                           "ORDER BY id DESC LIMIT 1 OFFSET ?3)");
  // The newest always stays; of the others as many as fit the bytes.
  auto bound =
      m_db.prepare("DELETE FROM gpu_snapshots WHERE id <= (SELECT max(id) FROM (SELECT id, "
                   "sum(length(document)) OVER (ORDER BY id DESC) AS bytes, "
                   "row_number() OVER (ORDER BY id DESC) AS n FROM gpu_snapshots) WHERE n > ?1 OR "
                   "(bytes > ?2 AND n > 1))");
  if (!put || !thin || !bound) {
    return !put ? put.error() : !thin ? thin.error() : bound.error();
  }
  put->bind(1, to_ns(s.at)).bind_text(2, s.reason);
  if (s.job) {
    put->bind_text(3, *s.job);
  }
  GPUJOB_TRY(put->bind(4, s.attempt).bind_text(5, s.document).run());
  if (s.job) {
    GPUJOB_TRY(thin->bind_text(1, *s.job)
                   .bind_text(2, s.reason)
                   .bind(3, std::int64_t{k_most_alike})
                   .run());
  }
  GPUJOB_TRY(bound->bind(1, std::int64_t{k_most_snapshots}).bind(2, k_most_snapshot_bytes).run());
  return transaction.commit();
}

Result<std::vector<GpuSnapshotRow>> GpuStore::snapshots(const std::optional<std::string>& job,
                                                        std::int64_t after, std::size_t most) {
  auto q = m_db.prepare("SELECT id, at_wall, reason, job_id, attempt, document FROM gpu_snapshots "
                        "WHERE id > ?1 AND (?2 IS NULL OR job_id=?2) ORDER BY id LIMIT ?3");
  if (!q) {
    return q.error();
  }
  q->bind(1, after).bind(3, static_cast<std::int64_t>(most));
  if (job) {
    q->bind_text(2, *job);
  }
  return rows<GpuSnapshotRow>(*q, [](const Statement& row) {
    GpuSnapshotRow s;
    s.id = row.integer(0);
    s.at = wall_from_ns(row.integer(1));
    s.reason = row.bytes(2);
    s.job = row.bytes(3);
    if (s.job->empty()) {
      s.job.reset();
    }
    s.attempt = row.maybe_integer(4);
    s.document = row.bytes(5);
    return s;
  });
}

} // namespace gpujob::store
