// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/hearing.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <sys/stat.h>

using namespace gpujob;
using namespace std::chrono_literals;
using shim::JournalFile;
using shim::Notice;

namespace {

Now at(Duration d) {
  return {BootTime{1000s + d}, WallTime{2000s + d}};
}

std::vector<journal::Record> records(const JournalFile& file) {
  JournalFile::Cursor cursor;
  std::vector<journal::Record> out;
  for (auto text = file.read(cursor, 100); !text.empty(); text = file.read(cursor, 100)) {
    while (!text.empty()) {
      const auto end = text.find('\n');
      out.push_back(*journal::decode(text.substr(0, end)));
      text.erase(0, end + 1);
    }
  }
  return out;
}

Notice status(const char* text) {
  Notice n;
  n.status = text;
  return n;
}

} // namespace

TEST_CASE("Progress and status are journaled once in a second, the newest wins") {
  test::TempDir temp;
  JournalFile file(temp / "j");
  shim::Hearing hearing(file, "/w");
  hearing.hear(status("a"), at(0s));
  hearing.hear(status("b"), at(100ms));
  hearing.hear(status("c"), at(200ms));
  CHECK(records(file).size() == 1);
  CHECK(hearing.next() == at(1s).boot);
  hearing.tick(at(1s));
  const auto all = records(file);
  REQUIRE(all.size() == 2);
  CHECK(std::get<journal::Status>(all[1].body).text == "c");
  CHECK_FALSE(hearing.next());
}

TEST_CASE("A status that did not change is not journaled again") {
  test::TempDir temp;
  JournalFile file(temp / "j");
  shim::Hearing hearing(file, "/w");
  hearing.hear(status("a"), at(0s));
  hearing.hear(status("a"), at(5s));
  CHECK(records(file).size() == 1);
}

TEST_CASE("What had to wait is written when the job ends") {
  test::TempDir temp;
  JournalFile file(temp / "j");
  shim::Hearing hearing(file, "/w");
  Notice n;
  n.progress = 0.5;
  hearing.hear(n, at(0s));
  n.progress = 1.0;
  hearing.hear(n, at(10ms));
  CHECK(hearing.done());
  hearing.flush(at(20ms));
  const auto all = records(file);
  REQUIRE(all.size() == 3);
  CHECK(std::holds_alternative<journal::DoneMark>(all[1].body));
  CHECK(std::get<journal::Progress>(all[2].body).value == 1.0);
}

TEST_CASE("A checkpoint's path is resolved against the job's directory") {
  test::TempDir temp;
  JournalFile file(temp / "j");
  shim::Hearing hearing(file, "/w");
  Notice n;
  n.checkpoint = "ckpt/1";
  n.step = 1;
  hearing.hear(n, at(0s));
  hearing.hear_sentinel("/abs", at(0s));
  hearing.hear_sentinel("", at(0s));
  const auto all = records(file);
  REQUIRE(all.size() == 3);
  const auto& first = std::get<journal::Checkpoint>(all[0].body);
  CHECK(first.how == "notify");
  CHECK(first.path == "/w/ckpt/1");
  CHECK(first.step == 1);
  CHECK(std::get<journal::Checkpoint>(all[1].body).path == "/abs");
  CHECK(std::get<journal::Checkpoint>(all[2].body).path.empty());
}

TEST_CASE("Lines that cannot be written wait in order and are read all the same") {
  test::TempDir temp;
  const auto directory = temp / "not-yet";
  JournalFile file(directory + "/j");
  file.append(journal::Ready{}, at(0s));
  file.append(journal::Stopping{}, at(1s));
  CHECK(file.waiting());
  CHECK(file.last_seq() == 2);
  JournalFile::Cursor cursor;
  CHECK_FALSE(file.read(cursor, 65536).empty());
  CHECK(cursor.seen == 2);

  REQUIRE(::mkdir(directory.c_str(), 0700) == 0);
  CHECK(file.flush());
  file.append(journal::DoneMark{}, at(2s));
  // The reader that saw the waiting lines does not see them twice.
  const auto rest = file.read(cursor, 65536);
  CHECK(rest.find("\"seq\":3") != std::string::npos);
  CHECK(rest.find("\"seq\":2") == std::string::npos);
  CHECK(records(file).size() == 3);
}

TEST_CASE("A reader that knows the first lines gets the others") {
  test::TempDir temp;
  JournalFile file(temp / "j");
  for (int i = 0; i < 5; ++i) {
    file.append(journal::Ready{}, at(0s));
  }
  JournalFile::Cursor cursor{0, 3};
  const auto text = file.read(cursor, 65536);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(file.read(cursor, 65536).empty());
}
