// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

/// A thin RAII cover over SQLite's C interface: nothing above this header sees <sqlite3.h>.
namespace gpujob::store {

/// A prepared statement. Values are bound by position from 1 on and copied.
class Statement {
public:
  Statement(sqlite3* db, sqlite3_stmt* statement);

  Statement& bind(int at, std::int64_t value);
  Statement& bind(int at, std::optional<std::int64_t> value);
  Statement& bind_text(int at, std::string_view value);
  Statement& bind_blob(int at, std::string_view value);

  /// Runs to its end; for statements without rows. Resets.
  Result<void> run();
  /// True: a row is there to be read. False: the end.
  Result<bool> step();
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(int column) const;
  [[nodiscard]] std::string bytes(int column) const;

private:
  struct Finalize {
    void operator()(sqlite3_stmt* s) const;
  };
  sqlite3* m_db;
  std::unique_ptr<sqlite3_stmt, Finalize> m_statement;
};

class Database {
public:
  static Result<Database> open(const std::string& path);

  Result<void> execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);

private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  explicit Database(sqlite3* db) : m_db(db) {}
  std::unique_ptr<sqlite3, Close> m_db;
};

/// Rolled back unless committed.
class Transaction {
public:
  explicit Transaction(Database& db) : m_db(db) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  Result<void> begin();
  Result<void> commit();

private:
  Database& m_db;
  bool m_open = false;
};

} // namespace gpujob::store
