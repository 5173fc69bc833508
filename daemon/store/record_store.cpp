// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/record_store.h"

#include "daemon/store/rows.h"

#include <fmt/format.h>
#include <utility>

namespace gpujob::store {

using namespace policy;

struct RecordStore::Statements {
  Statement end_sessions, put_event, put_session_event, put_attempt, trim_events, trim_attempts,
      get_events, get_attempts;
};

namespace {

/// Another session's last sign of life, where nobody has told of its end.
constexpr const char* k_end_sessions =
    "INSERT INTO events (at_wall, session, kind, text) "
    "SELECT max(at_wall), session, 'session_ended', 'over: this is the last that was heard of it' "
    "FROM events WHERE session <> ?1 AND session NOT IN "
    "(SELECT session FROM events WHERE kind = 'session_ended') GROUP BY session";

constexpr const char* k_put_event =
    "INSERT INTO events (at_wall, session, kind, job, name, attempt, text) "
    "VALUES (?1,?2,?3,?4,?5,?6,?7)";

/// A daemon that comes back hears of a notice again.
constexpr const char* k_put_session_event =
    "INSERT OR IGNORE INTO events (at_wall, session, kind, text) SELECT ?1,?2,?3,?4 WHERE NOT "
    "EXISTS (SELECT 1 FROM events WHERE session=?2 AND kind=?3 AND text=?4 AND job IS NULL)";

constexpr const char* k_put_attempt =
    "INSERT INTO attempts (session, job, name, attempt, started_wall, ended_wall, state, kept, "
    "lost, why_lost) VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (job, attempt) DO UPDATE SET "
    "name=excluded.name, started_wall=excluded.started_wall, ended_wall=excluded.ended_wall, "
    "state=excluded.state, kept=excluded.kept, lost=excluded.lost, why_lost=excluded.why_lost";

std::string trim(const char* table, std::int64_t most) {
  return fmt::format("DELETE FROM {0} WHERE seq <= (SELECT max(seq) FROM {0}) - {1}", table, most);
}

std::optional<std::int64_t> maybe_ns(const std::optional<Duration>& d) {
  return d ? std::optional<std::int64_t>(d->count()) : std::nullopt;
}

std::optional<Duration> maybe_span(std::optional<std::int64_t> ns) {
  return ns ? std::optional(Duration{*ns}) : std::nullopt;
}

/// Bound to one page: from `since` on, and after the one numbered `after`.
Statement& page(Statement& q, std::optional<WallTime> since, std::int64_t after, int most) {
  return q.bind(1, after).bind(2, since ? to_ns(*since) : 0).bind(3, std::int64_t{most});
}

StoredOccurrence read_event(const Statement& q) {
  StoredOccurrence row;
  row.seq = q.integer(0);
  row.session = q.bytes(2);
  row.what.at = wall_from_ns(q.integer(1));
  row.what.kind = happened_from_text(q.bytes(3)).value_or(Happened::notice);
  row.what.job = q.bytes(4);
  row.what.name = q.bytes(5);
  row.what.attempt = static_cast<int>(q.maybe_integer(6).value_or(0));
  row.what.text = q.bytes(7);
  return row;
}

StoredAttempt read_attempt(const Statement& q) {
  StoredAttempt row;
  row.seq = q.integer(0);
  row.session = q.bytes(1);
  auto& a = row.what;
  a.job = q.bytes(2);
  a.name = q.bytes(3);
  a.attempt = static_cast<int>(q.integer(4));
  a.started = wall_from_ns(q.integer(5));
  a.ended = maybe_wall(q.maybe_integer(6));
  a.state = q.bytes(7);
  a.kept = maybe_span(q.maybe_integer(8));
  a.lost = maybe_span(q.maybe_integer(9));
  a.why_lost = q.bytes(10);
  return row;
}

} // namespace

RecordStore::RecordStore(std::unique_ptr<Statements> sql) : m_sql(std::move(sql)) {}

RecordStore::~RecordStore() = default;

Result<std::unique_ptr<RecordStore>> RecordStore::open(Database& db) {
  std::vector<Statement> s;
  for (const auto& sql : {
           std::string(k_end_sessions),
           std::string(k_put_event),
           std::string(k_put_session_event),
           std::string(k_put_attempt),
           trim("events", k_most_events),
           trim("attempts", k_most_attempts),
           std::string("SELECT seq, at_wall, session, kind, job, name, attempt, text FROM events "
                       "WHERE seq > ?1 AND at_wall >= ?2 ORDER BY seq LIMIT ?3"),
           std::string("SELECT seq, session, job, name, attempt, started_wall, ended_wall, state, "
                       "kept, lost, why_lost FROM attempts WHERE seq > ?1 AND "
                       "coalesce(ended_wall, 9223372036854775807) >= ?2 ORDER BY seq LIMIT ?3"),
       }) {
    auto statement = db.prepare(sql);
    if (!statement) {
      return statement.error();
    }
    s.push_back(std::move(*statement));
  }
  return std::unique_ptr<RecordStore>(new RecordStore(std::make_unique<Statements>(
      Statements{std::move(s[0]), std::move(s[1]), std::move(s[2]), std::move(s[3]),
                 std::move(s[4]), std::move(s[5]), std::move(s[6]), std::move(s[7])})));
}

Result<void> RecordStore::begin_session(const std::string& session) {
  return m_sql->end_sessions.bind_text(1, session).run();
}

Result<void> RecordStore::write_event(const std::string& session, const Occurrence& o) {
  if (o.kind == Happened::session_started) {
    GPUJOB_TRY(begin_session(session));
  }
  if (o.job.empty()) {
    return m_sql->put_session_event.bind(1, to_ns(o.at))
        .bind_text(2, session)
        .bind_text(3, to_text(o.kind))
        .bind_text(4, o.text)
        .run();
  }
  return m_sql->put_event.bind(1, to_ns(o.at))
      .bind_text(2, session)
      .bind_text(3, to_text(o.kind))
      .bind_text(4, o.job)
      .bind_text(5, o.name)
      .bind(6, o.attempt > 0 ? std::optional<std::int64_t>(o.attempt) : std::nullopt)
      .bind_text(7, o.text)
      .run();
}

Result<void> RecordStore::write_attempt(const std::string& session, const AttemptRecord& a) {
  return m_sql->put_attempt.bind_text(1, session)
      .bind_text(2, a.job)
      .bind_text(3, a.name)
      .bind(4, std::int64_t{a.attempt})
      .bind(5, to_ns(a.started))
      .bind(6, maybe_ns(a.ended))
      .bind_text(7, a.state)
      .bind(8, maybe_ns(a.kept))
      .bind(9, maybe_ns(a.lost))
      .bind_text(10, a.why_lost)
      .run();
}

Result<void> RecordStore::write(const std::string& session, const NewRecords& news) {
  for (const auto& o : news.events) {
    GPUJOB_TRY(write_event(session, o));
  }
  for (const auto& a : news.attempts) {
    GPUJOB_TRY(write_attempt(session, a));
  }
  if (!news.events.empty()) {
    GPUJOB_TRY(m_sql->trim_events.run());
  }
  return news.attempts.empty() ? Result<void>{} : m_sql->trim_attempts.run();
}

Result<std::vector<StoredOccurrence>> RecordStore::events(std::optional<WallTime> since,
                                                          std::int64_t after, int most) {
  return rows<StoredOccurrence>(page(m_sql->get_events, since, after, most), read_event);
}

Result<std::vector<StoredAttempt>> RecordStore::attempts(std::optional<WallTime> since,
                                                         std::int64_t after, int most) {
  return rows<StoredAttempt>(page(m_sql->get_attempts, since, after, most), read_attempt);
}

} // namespace gpujob::store
