// SPDX-License-Identifier: Apache-2.0
#include "schema/embedded.h"
#include "tests/support/catch.h"

#include <memory>
#include <sqlite3.h>
#include <string>

namespace gpujob {

TEST_CASE("the migrations apply in order to an empty database", "[schema]") {
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(":memory:", &raw) == SQLITE_OK);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db(raw, &sqlite3_close);
  int number = 0;
  for (const auto& file : schema::migrations()) {
    INFO(file.name);
    // The number is the version the database then has.
    REQUIRE(file.name.size() > 5);
    const int is = std::stoi(std::string(file.name.substr(0, 4)));
    CHECK(is > number);
    number = is;
    char* message = nullptr;
    const int rc =
        sqlite3_exec(db.get(), std::string(file.content).c_str(), nullptr, nullptr, &message);
    const std::string why = message == nullptr ? "" : message;
    sqlite3_free(message);
    INFO(why);
    CHECK(rc == SQLITE_OK);
  }
}

} // namespace gpujob
