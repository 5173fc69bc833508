// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace gpujob::store {

namespace {

Error sql_error(sqlite3* db, const char* what) {
  const int code = ::sqlite3_errcode(db) & 0xff;
  const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  return Error{damaged ? Errc::bad_data : Errc::io,
               fmt::format("database: {}: {}", what, ::sqlite3_errmsg(db))};
}

} // namespace

void Statement::Finalize::operator()(sqlite3_stmt* s) const {
  ::sqlite3_finalize(s);
}

Statement::Statement(sqlite3* db, sqlite3_stmt* statement) : m_db(db), m_statement(statement) {}

Statement& Statement::bind(int at, std::int64_t value) {
  ::sqlite3_bind_int64(m_statement.get(), at, value);
  return *this;
}

Statement& Statement::bind(int at, std::optional<std::int64_t> value) {
  if (value) {
    return bind(at, *value);
  }
  ::sqlite3_bind_null(m_statement.get(), at);
  return *this;
}

Statement& Statement::bind_text(int at, std::string_view value) {
  ::sqlite3_bind_text(m_statement.get(), at, value.data(), static_cast<int>(value.size()),
                      SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind_blob(int at, std::string_view value) {
  // A null pointer would bind NULL, and an empty path is not unknown.
  const char* data = value.empty() ? "" : value.data();
  ::sqlite3_bind_blob(m_statement.get(), at, data, static_cast<int>(value.size()),
                      SQLITE_TRANSIENT);
  return *this;
}

Result<bool> Statement::step() {
  const int rc = ::sqlite3_step(m_statement.get());
  if (rc == SQLITE_ROW) {
    return true;
  }
  if (rc == SQLITE_DONE) {
    return false;
  }
  auto error = sql_error(m_db, "step");
  ::sqlite3_reset(m_statement.get());
  return error;
}

Result<void> Statement::run() {
  auto more = step();
  reset();
  if (!more) {
    return more.error();
  }
  return {};
}

void Statement::reset() {
  ::sqlite3_reset(m_statement.get());
  ::sqlite3_clear_bindings(m_statement.get());
}

std::int64_t Statement::integer(int column) const {
  return ::sqlite3_column_int64(m_statement.get(), column);
}

std::optional<std::int64_t> Statement::maybe_integer(int column) const {
  if (::sqlite3_column_type(m_statement.get(), column) == SQLITE_NULL) {
    return std::nullopt;
  }
  return integer(column);
}

std::string Statement::bytes(int column) const {
  const void* data = ::sqlite3_column_blob(m_statement.get(), column);
  const int size = ::sqlite3_column_bytes(m_statement.get(), column);
  return data == nullptr
             ? std::string()
             : std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

void Database::Close::operator()(sqlite3* db) const {
  ::sqlite3_close_v2(db);
}

Result<Database> Database::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
  const int rc = ::sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db(raw);
  if (rc != SQLITE_OK) {
    return Error{Errc::io, fmt::format("database: {}: {}", path, ::sqlite3_errmsg(raw))};
  }
  return db;
}

Result<void> Database::execute(const std::string& sql) {
  if (::sqlite3_exec(m_db.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return sql_error(m_db.get(), "execute");
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc = ::sqlite3_prepare_v3(m_db.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) {
    return sql_error(m_db.get(), "prepare");
  }
  return Statement(m_db.get(), statement);
}

Result<void> Transaction::begin() {
  auto begun = m_db.execute("BEGIN IMMEDIATE");
  m_open = begun.has_value();
  return begun;
}

Result<void> Transaction::commit() {
  auto done = m_db.execute("COMMIT");
  m_open = !done.has_value();
  return done;
}

Transaction::~Transaction() {
  if (m_open) {
    (void)m_db.execute("ROLLBACK");
  }
}

} // namespace gpujob::store
