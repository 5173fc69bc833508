// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/scan.h"
#include "tests/durable/world.h"
#include "tests/support/no_descriptors.h"

#include <limits>

using namespace gpujob;
using namespace gpujob::test;

namespace {

Json end_request(const World& w, int attempt, const std::string& session) {
  return {{"op", "end"},
          {"dir", w.durable()},
          {"job", "job1"},
          {"attempt", attempt},
          {"session", session},
          {"state", "parked"},
          {"exit", 143},
          {"reason", "the session's limit"},
          {"at_ns", attempt * 1000 + 500},
          {"budgets", {{"interruptions", attempt}, {"failures", 1}, {"no_progress", 0}}}};
}

Json heartbeat(const World& w, int seq, bool closed = false, const std::string& session = "s1") {
  return {{"op", "heartbeat"}, {"dir", w.durable()}, {"session", session},
          {"seq", seq},        {"at_ns", seq * 10},  {"ends_at_ns", nullptr},
          {"interval_s", 300}, {"jobs", {"job1"}},   {"closed", closed}};
}

std::size_t files_in(const std::string& dir) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir),
                                                std::filesystem::directory_iterator()));
}

} // namespace

TEST_CASE("attempts come back in order with their ends", "[scan]") {
  World w;
  (void)World::ask_well(w.begin_request(10, "s3"));
  (void)World::ask_well(w.begin_request(2, "s2"));
  (void)World::ask_well(w.begin_request(1, "s1"));
  (void)World::ask_well(end_request(w, 1, "s1"));
  (void)w.save("a.pt", 1, "one", 2, "s2");
  const auto reply = w.scan();
  CHECK(reply["problems"].empty());
  REQUIRE(reply["jobs"].size() == 1);
  const auto& job = reply["jobs"][0];
  CHECK(job["id"] == "job1");
  CHECK(job["spec"]["name"] == "vit");
  REQUIRE(job["attempts"].size() == 3);
  CHECK(job["attempts"][0]["attempt"] == 1);
  CHECK(job["attempts"][0]["session"] == "s1");
  CHECK(job["attempts"][0]["at_ns"] == 1000);
  CHECK(job["attempts"][0]["budgets"]["interruptions"] == 1);
  CHECK(job["attempts"][0]["end"]["state"] == "parked");
  CHECK(job["attempts"][0]["end"]["exit"] == 143);
  CHECK(job["attempts"][0]["end"]["budgets"]["failures"] == 1);
  CHECK(job["attempts"][1]["end"].is_null());
  CHECK(job["attempts"][1]["checkpoints"].size() == 1);
  CHECK(job["attempts"][2]["attempt"] == 10);
}

TEST_CASE("an end without an exit code has none", "[scan]") {
  World w;
  (void)World::ask_well(w.begin_request());
  auto request = end_request(w, 1, "s1");
  request["exit"] = nullptr;
  (void)World::ask_well(request);
  CHECK(w.scan()["jobs"][0]["attempts"][0]["end"]["exit"].is_null());
}

TEST_CASE("garbage is named and hides nothing", "[scan]") {
  World w;
  (void)World::ask_well(w.begin_request());
  (void)w.save("a.pt", 1, "one");
  (void)w.save("b.pt", 2, "two");
  const auto attempts = w.durable() + "/jobs/job1/attempts/";
  put(attempts + "1-s1/checkpoints/3.partial/data/x", "x");
  put(attempts + "1-s1/checkpoints/4/manifest.json", "{torn");
  put(attempts + "1-s1/checkpoints/notes.txt", "x");
  std::filesystem::copy(w.checkpoint_dir(1), attempts + "1-s1/checkpoints/5",
                        std::filesystem::copy_options::recursive); // says seq 1
  put(w.checkpoint_dir(2) + "/data/b.pt", "shorter");
  put(attempts + "2-s2/spec.json", "");
  put(attempts + "02-s2/spec.json", "");
  put(attempts + "x", "a file");
  put(w.durable() + "/jobs/UPPER/attempts/1-s1/spec.json", "{}");
  put(w.durable() + "/jobs/.DS_Store", "x");
  put(w.durable() + "/jobs/empty1/attempts/1-s1/spec.json", "{}");
  std::filesystem::create_symlink(w.durable(), w.durable() + "/jobs/loop1");

  const auto reply = w.scan();
  REQUIRE(reply["jobs"].size() == 1);
  CHECK(w.stored().size() == 1);
  const auto text = reply["problems"].dump();
  for (const auto* name : {"checkpoints/4", "checkpoints/5", "checkpoints/2", "2-s2", "02-s2",
                           "attempts/x", "UPPER", ".DS_Store", "empty1"}) {
    INFO(name << " in " << text);
    CHECK(text.find(name) != std::string::npos);
  }
  CHECK(text.find("partial") == std::string::npos);
}

TEST_CASE("what cannot be read is not taken for what is not there", "[scan]") {
  World w;
  (void)World::ask_well(w.begin_request());
  (void)w.save("a.pt", 1, "one");
  (void)World::ask_well(end_request(w, 1, "s1"));
  REQUIRE(w.stored().size() == 1);
  // A directory in the place of a file: it is there, and reading it is an error.
  const auto attempt = w.durable() + "/jobs/job1/attempts/1-s1";
  std::string path;
  SECTION("an end") {
    path = attempt + "/end.json";
  }
  SECTION("a begin") {
    path = attempt + "/spec.json";
  }
  SECTION("a manifest") {
    path = attempt + "/checkpoints/1/manifest.json";
  }
  SECTION("a lease") {
    path = w.durable() + "/ledger/s2/1.json";
  }
  std::filesystem::remove(path);
  std::filesystem::create_directories(path);
  const auto reply = World::ask({{"op", "scan"}, {"dirs", {w.durable()}}});
  INFO(reply.dump());
  REQUIRE(reply["ok"] == false);
  CHECK(reply["errc"] == "io");
  CHECK(reply["error"].get<std::string>().find(path) != std::string::npos);
}

TEST_CASE("nor is a directory that cannot be opened", "[scan]") {
  World w;
  (void)World::ask_well(w.begin_request());
  const auto reply = [&] {
    const NoDescriptors none;
    durable::Problems problems;
    (void)durable::scan_jobs({w.durable()}, problems);
    return problems;
  }();
  REQUIRE(reply.unread);
  CHECK(reply.unread->text.find("Too many open files") != std::string::npos);
}

TEST_CASE("several directories are one", "[scan]") {
  World w;
  (void)World::ask_well(w.begin_request(1, "s1"));
  (void)w.save("a.pt", 1, "one");
  // Kaggle: what was written to /kaggle/working/gpujob appears below /kaggle/input/<name>/.
  std::filesystem::create_directories(w / "input/vit");
  std::filesystem::rename(w.durable(), w / "input/vit/gpujob");
  std::filesystem::create_directories(w.durable());
  (void)World::ask_well(w.begin_request(2, "s2"));
  (void)w.save("a.pt", 1, "two", 2, "s2");
  const auto reply = World::ask_well(
      {{"op", "scan"}, {"dirs", {w.durable(), w / "input/*", w / "input/vit", w / "nowhere/*"}}});
  REQUIRE(reply["jobs"].size() == 1);
  const auto& attempts = reply["jobs"][0]["attempts"];
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[0]["checkpoints"].size() == 1);
  CHECK(
      attempts[0]["checkpoints"][0]["path"].get<std::string>().starts_with(w / "input/vit/gpujob"));
  CHECK(attempts[1]["checkpoints"].size() == 1);
  CHECK(reply["problems"].empty());
  const auto missing = World::ask_well({{"op", "scan"}, {"dirs", {w.durable(), w / "nowhere"}}});
  CHECK(missing["problems"].size() == 1);
}

TEST_CASE("what saves took is told with each checkpoint", "[scan]") {
  World w;
  (void)World::ask_well(w.begin_request());
  put(w.ckpt() + "/a.pt", torch_file("one"));
  auto request = w.secure_request(w.ckpt() + "/a.pt", 1);
  request["save_s"] = 12.5;
  const auto reply = World::ask_well(request);
  CHECK(reply["verify_s"] > 0);
  CHECK(reply["copy_s"] > 0);
  (void)w.save("b.pt", 2, "two");
  const auto stored = w.stored();
  REQUIRE(stored.size() == 2);
  CHECK(stored[0]["save_s"] == 12.5);
  const auto both = reply["verify_s"].get<double>() + reply["copy_s"].get<double>();
  CHECK(stored[0]["secure_s"] > 0);
  CHECK(stored[0]["secure_s"] <= both);
  CHECK(stored[1]["save_s"].is_null());
  CHECK(stored[1]["secure_s"] > 0);
  // One that was stored before these were.
  const auto path = w.checkpoint_dir(2) + "/manifest.json";
  auto manifest = Json::parse(get(path));
  manifest.erase("took");
  put(path, manifest.dump());
  CHECK(w.stored()[1]["secure_s"].is_null());
  for (const auto& bad : {Json(-1), Json("1"), Json(1e300)}) {
    request["save_s"] = bad;
    CHECK(World::ask(request)["errc"] == "bad_data");
  }
}

TEST_CASE("heartbeats tell which sessions closed, and when the others were heard last",
          "[ledger]") {
  World w;
  for (const bool closed : {true, false}) {
    auto beat = heartbeat(w, 1, closed, closed ? "s1" : "s2");
    beat["at_ns"] = 7000;
    beat["began_ns"] = 2000;
    beat["ends_at_ns"] = 9000;
    beat["platform"] = "colab";
    (void)World::ask_well(beat);
  }
  const auto beats = w.scan()["heartbeats"];
  REQUIRE(beats.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(beats[i]["closed"] == (i == 0));
    CHECK(beats[i]["platform"] == "colab");
    CHECK(beats[i]["began_ns"] == 2000);
    CHECK(beats[i]["at_ns"] == 7000);
    CHECK(beats[i]["ends_at_ns"] == 9000);
  }
}

TEST_CASE("the newest heartbeat of each session", "[ledger]") {
  World w;
  for (int seq = 1; seq <= 3; ++seq) {
    (void)World::ask_well(heartbeat(w, seq));
  }
  (void)World::ask_well(heartbeat(w, 1, false, "s2"));
  auto beats = w.scan()["heartbeats"];
  REQUIRE(beats.size() == 2);
  CHECK(beats[0]["session"] == "s1");
  CHECK(beats[0]["seq"] == 3);
  CHECK(beats[0]["at_ns"] == 30);
  CHECK(beats[0]["ends_at_ns"].is_null());
  CHECK(beats[0]["interval_s"] == 300);
  CHECK(beats[0]["jobs"] == Json{"job1"});

  put(w.durable() + "/ledger/s1/4.json", "{torn");
  const auto reply = w.scan();
  CHECK(reply["heartbeats"][0]["seq"] == 3);
  CHECK(reply["problems"].dump().find("s1/4.json") != std::string::npos);
}

TEST_CASE("a daemon that does not know how far it had come still has the last word", "[ledger]") {
  World w;
  for (int seq = 1; seq <= 70; ++seq) {
    (void)World::ask_well(heartbeat(w, seq));
  }
  auto again = heartbeat(w, 1);
  again["at_ns"] = 999;
  (void)World::ask_well(again);
  const auto beats = w.scan()["heartbeats"];
  REQUIRE(beats.size() == 1);
  CHECK(beats[0]["at_ns"] == 999);
  CHECK(beats[0]["seq"] == 71);
}

TEST_CASE("a number that cannot be counted on is no number of ours", "[ledger]") {
  World w;
  const auto huge = std::numeric_limits<std::int64_t>::max();
  (void)World::ask_well(heartbeat(w, 1));
  const auto ledger = w.durable() + "/ledger/s1/";
  auto strange = Json::parse(get(ledger + "1.json"));
  strange["seq"] = huge;
  put(ledger + std::to_string(huge) + ".json", strange.dump());
  put(ledger + "closed.json",
      Json{{"v", 1}, {"session", "s1"}, {"first", strange}, {"last", strange}, {"count", 1}}
          .dump());
  (void)World::ask_well(heartbeat(w, 1));
  CHECK(w.scan()["heartbeats"][0]["seq"] == 2);
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{{"seq", huge},
                                                                            {"seq", 0},
                                                                            {"at_ns", huge},
                                                                            {"ends_at_ns", huge},
                                                                            {"interval_s", 1e300},
                                                                            {"interval_s", -1}}) {
    auto bad = heartbeat(w, 3);
    bad[key] = value;
    INFO(bad.dump());
    CHECK(World::ask(bad)["errc"] == "bad_data");
  }
}

TEST_CASE("an attempt with a number or budgets beyond counting is left out", "[scan]") {
  World w;
  (void)World::ask_well(w.begin_request(1, "s1"));
  const auto attempts = w.durable() + "/jobs/job1/attempts/";
  const auto spec = Json::parse(get(attempts + "1-s1/spec.json"));
  put(attempts + "2147483647-s1/spec.json", spec.dump());
  auto budgets = spec;
  budgets["budgets"]["interruptions"] = std::numeric_limits<std::int64_t>::max();
  put(attempts + "2-s1/spec.json", budgets.dump());
  auto late = spec;
  late["at_ns"] = std::numeric_limits<std::int64_t>::max();
  put(attempts + "3-s1/spec.json", late.dump());
  const auto reply = w.scan();
  CHECK(reply["problems"].size() == 3);
  CHECK(reply["jobs"][0]["attempts"][0]["attempt"] == 1);
  CHECK(reply["jobs"][0]["attempts"].back()["budgets"]["interruptions"] == 0);
}

TEST_CASE("a nest of brackets in one file spoils no other", "[scan]") {
  World w;
  (void)World::ask_well(w.begin_request(1, "s1"));
  const std::string nest = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  const auto attempts = w.durable() + "/jobs/job1/attempts/";
  put(attempts + "2-s1/spec.json",
      R"({"v":1,"at_ns":1,"budgets":{},"spec":{"env_set":[)" + nest + "]}}");
  const auto reply = w.scan();
  CHECK(reply["problems"].size() == 1);
  CHECK(reply["jobs"][0]["attempts"][0]["attempt"] == 1);
}

TEST_CASE("a directory that is away is an error, not an empty one", "[scan]") {
  World w;
  std::filesystem::remove_all(w.durable());
  CHECK(World::ask({{"op", "scan"}, {"dirs", {w.durable()}}})["ok"] == false);
}

TEST_CASE("a session that ends is one file", "[ledger]") {
  World w;
  for (int seq = 1; seq <= 4; ++seq) {
    (void)World::ask_well(heartbeat(w, seq, seq == 4));
  }
  const auto dir = w.durable() + "/ledger/s1";
  CHECK(files_in(dir) == 1);
  const auto closed = Json::parse(get(dir + "/closed.json"));
  CHECK(closed["first"]["seq"] == 1);
  CHECK(closed["last"]["seq"] == 4);
  CHECK(closed["count"] == 4);
  CHECK(w.scan()["heartbeats"][0]["closed"] == true);

  // A daemon that came back in the same session goes on.
  (void)World::ask_well(heartbeat(w, 5));
  CHECK(w.scan()["heartbeats"][0]["closed"] == false);
  (void)World::ask_well(heartbeat(w, 6, true));
  CHECK(Json::parse(get(dir + "/closed.json"))["first"]["seq"] == 1);
  CHECK(Json::parse(get(dir + "/closed.json"))["count"] == 6);
  CHECK(files_in(dir) == 1);
}

TEST_CASE("a session that never ends does not fill the directory", "[ledger]") {
  World w;
  for (int seq = 1; seq <= 70; ++seq) {
    (void)World::ask_well(heartbeat(w, seq));
  }
  CHECK(files_in(w.durable() + "/ledger/s1") == 65);
  CHECK(std::filesystem::exists(w.durable() + "/ledger/s1/1.json"));
  CHECK(w.scan()["heartbeats"][0]["seq"] == 70);
}
