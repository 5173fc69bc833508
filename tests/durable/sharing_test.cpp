// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/manifest.h"
#include "tests/durable/small_disk.h"
#include "tests/durable/world.h"

#include <cstdlib>
#include <map>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace gpujob;
using namespace gpujob::test;

namespace {

using Shards = std::map<std::string, std::string>;

const std::string k_base(5000, 'b'); // what training never changes

/// Checkpoint `seq` of shards: its directory is named after it, as trainers do.
void put_shards(const World& w, int seq, const Shards& shards) {
  const auto dir = w.ckpt() + "/step-" + std::to_string(seq);
  std::filesystem::remove_all(dir);
  for (const auto& [name, bytes] : shards) {
    put(dir + "/" + name, bytes);
  }
}

Json save_shards(World& w, int seq, const Shards& shards, int attempt = 1,
                 const std::string& session = "s1") {
  put_shards(w, seq, shards);
  return World::ask_well(
      w.secure_request(w.ckpt() + "/step-" + std::to_string(seq), seq, attempt, session));
}

std::string data(const World& w, int seq, const std::string& name, int attempt = 1,
                 const std::string& session = "s1") {
  return w.checkpoint_dir(seq, attempt, session) + "/data/step-" + std::to_string(seq) + "/" + name;
}

/// What a new VM gets back of the durable checkpoint `path`.
Json resume_on_new_vm(const World& w, const std::string& path) {
  std::filesystem::remove_all(w.ckpt());
  std::filesystem::create_directories(w.ckpt());
  return World::ask_well(
      {{"op", "resume"},
       {"ckpt_dir", w.ckpt()},
       {"candidates", {{{"path", nullptr}, {"manifest", nullptr}, {"durable_path", path}}}}});
}

/// Every checkpoint that is listed comes back whole.
void check_all_restorable(const World& w, const std::map<int, Shards>& saved) {
  for (const auto& c : w.stored()) {
    const auto reply = resume_on_new_vm(w, c["path"].get<std::string>());
    INFO(reply.dump());
    REQUIRE(reply["from"] == "durable");
    for (const auto& [name, bytes] : saved.at(c["seq"].get<int>())) {
      CHECK(get(reply["path"].get<std::string>() + "/" + name) == bytes);
    }
  }
}

std::uint64_t bytes_below(const std::string& dir) {
  std::uint64_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    sum += entry.is_regular_file() && entry.path().filename() != "manifest.json" &&
                   entry.path().extension() != ".json"
               ? entry.file_size()
               : 0;
  }
  return sum;
}

/// In a process of its own, killed at step `step` of what it does in the durable directory. False:
/// it had fewer steps.
bool is_killed_at(int step, const World& w, const Json& request) {
  const auto mark = w / ("killed-" + std::to_string(step));
  const auto child = ::fork();
  if (child == 0) {
    ::setenv("GPUJOB_TEST_CRASH_AT", ("durable_step:" + std::to_string(step)).c_str(), 1);
    ::setenv("GPUJOB_TEST_CRASH_MARK", mark.c_str(), 1);
    (void)durable::handle_request(request.dump());
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

} // namespace

TEST_CASE("an unchanged shard is not copied twice", "[sharing]") {
  World w;
  (void)World::ask_well(w.begin_request());
  const std::map<int, Shards> saved{{1, {{"base", k_base}, {"head", "one"}}},
                                    {2, {{"base", k_base}, {"head", "two"}}}};
  CHECK(save_shards(w, 1, saved.at(1))["shared"] == 0);
  const auto second = save_shards(w, 2, saved.at(2));
  CHECK(second["shared"] == k_base.size());
  CHECK(second["bytes"] == k_base.size() + 3);
  CHECK_FALSE(std::filesystem::exists(data(w, 2, "base")));
  CHECK(get(data(w, 2, "head")) == "two");
  const auto manifest = Json::parse(get(w.checkpoint_dir(2) + "/manifest.json"));
  CHECK(manifest["v"] == 2);
  CHECK(manifest["files"][0]["at"] == "attempts/1-s1/checkpoints/1/data/step-1/base");
  CHECK_FALSE(manifest["files"][1].contains("at"));
  CHECK(Json::parse(get(w.manifest(2)))["v"] == 1); // of this VM's own files
  CHECK(w.stored()[1]["bytes"] == second["bytes"]);
  check_all_restorable(w, saved);
}

TEST_CASE("what a kept manifest refers to stays, until nobody does", "[sharing]") {
  World w;
  (void)World::ask_well(w.begin_request());
  std::map<int, Shards> saved;
  for (int seq = 1; seq <= 4; ++seq) {
    saved[seq] = {{"base", k_base}, {"head", "head " + std::to_string(seq)}};
    CHECK(save_shards(w, seq, saved[seq])["pruned"] == (seq > 2 ? 1 : 0));
    check_all_restorable(w, saved);
  }
  REQUIRE(w.stored().size() == 2);
  CHECK(w.scan()["problems"].empty());
  CHECK(std::filesystem::exists(data(w, 1, "base")));
  CHECK_FALSE(std::filesystem::exists(data(w, 1, "head")));
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(2)));
  CHECK(bytes_below(w.durable()) == k_base.size() + 2 * 6);
  for (int seq = 5; seq <= 6; ++seq) {
    saved[seq] = {{"base", "another base"}, {"head", "x"}};
    (void)save_shards(w, seq, saved[seq]);
    check_all_restorable(w, saved);
  }
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(1)));
}

TEST_CASE("a session goes on with what earlier ones stored", "[sharing]") {
  World w;
  (void)World::ask_well(w.begin_request(1, "s1"));
  (void)World::ask_well(w.begin_request(2, "s2"));
  (void)save_shards(w, 1, {{"base", k_base}, {"head", "1"}}, 1, "s1");
  (void)save_shards(w, 2, {{"base", k_base}, {"head", "2"}}, 2, "s2");
  (void)save_shards(w, 3, {{"base", k_base}, {"head", "3"}}, 2, "s2");
  REQUIRE(w.stored().size() == 2); // that of s1 was pruned, its shard was not
  CHECK(std::filesystem::exists(data(w, 1, "base")));
  (void)save_shards(w, 4, {{"base", "new"}, {"head", "4"}}, 2, "s2");
  (void)save_shards(w, 5, {{"base", "new"}, {"head", "5"}}, 2, "s2");
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(1)));
}

TEST_CASE("one that was taken for dead shares nothing with the one that took over", "[sharing]") {
  World w;
  (void)World::ask_well(w.begin_request(1, "s1"));
  (void)World::ask_well(w.begin_request(2, "s2"));
  (void)save_shards(w, 1, {{"base", k_base}}, 2, "s2");
  CHECK(save_shards(w, 2, {{"base", k_base}, {"x", "y"}}, 1, "s1")["shared"] == 0);
}

TEST_CASE("a shard that has rotted is copied again", "[sharing]") {
  World w;
  (void)World::ask_well(w.begin_request());
  (void)save_shards(w, 1, {{"base", k_base}, {"head", "1"}});
  auto rotten = k_base;
  SECTION("with its size kept") {
    rotten[100] = 'X';
    put(data(w, 1, "base"), rotten);
  }
  SECTION("cut short") {
    put(data(w, 1, "base"), "short");
  }
  SECTION("gone") {
    std::filesystem::remove(data(w, 1, "base"));
    CHECK(w.scan()["problems"][0].get<std::string>().find("is not there") != std::string::npos);
  }
  CHECK(save_shards(w, 2, {{"base", k_base}, {"head", "2"}})["shared"] == 0);
  CHECK(get(data(w, 2, "base")) == k_base);
}

TEST_CASE("a shared shard that rots is mended where it lies, for all who share it", "[sharing]") {
  World w;
  (void)World::ask_well(w.begin_request());
  const std::map<int, Shards> saved{{1, {{"base", k_base}, {"head", "1"}}},
                                    {2, {{"base", k_base}, {"head", "2"}}}};
  (void)save_shards(w, 1, saved.at(1));
  (void)save_shards(w, 2, saved.at(2));
  put(data(w, 1, "base"), std::string(k_base.size(), 'X'));
  CHECK(save_shards(w, 2, saved.at(2))["durable"]["path"] == w.checkpoint_dir(2));
  check_all_restorable(w, saved);
}

TEST_CASE("a pruned number whose files are shared is not written over", "[sharing]") {
  World w;
  (void)World::ask_well(w.begin_request());
  for (int seq = 1; seq <= 3; ++seq) {
    (void)save_shards(w, seq, {{"base", k_base}, {"head", std::to_string(seq)}});
  }
  const auto reply = save_shards(w, 1, {{"base", "else"}});
  CHECK(reply["durable"].is_null());
  CHECK(reply["durable_error"].get<std::string>().find("of this number") != std::string::npos);
  CHECK(get(data(w, 1, "base")) == k_base);
}

TEST_CASE("while a manifest makes no sense, nothing is taken for unused", "[sharing]") {
  World w;
  (void)World::ask_well(w.begin_request());
  std::map<int, Shards> saved;
  for (int seq = 1; seq <= 3; ++seq) {
    saved[seq] = {{"base", k_base}, {"head", std::to_string(seq)}};
    (void)save_shards(w, seq, saved[seq]);
  }
  // Of a later program, say: its checkpoint shares the base of 1, and so does nothing else.
  const auto two = w.checkpoint_dir(2) + "/manifest.json", three = w.checkpoint_dir(3);
  const auto good = get(two);
  put(two, "{\"v\":3}");
  std::filesystem::remove_all(three);
  for (int seq = 4; seq <= 6; ++seq) {
    saved[seq] = {{"base", "new"}, {"head", std::to_string(seq)}};
    CHECK(save_shards(w, seq, saved[seq])["pruned"] == 0);
  }
  CHECK(get(data(w, 1, "base")) == k_base);
  put(two, good);
  check_all_restorable(w, saved);
  saved[7] = {{"base", "new"}, {"head", "7"}};
  CHECK(save_shards(w, 7, saved[7])["pruned"] == 3);
  CHECK_FALSE(std::filesystem::exists(data(w, 1, "base")));
}

TEST_CASE("kill -9 at any step of a copy or a prune: all that is listed comes back", "[sharing]") {
  // 3 shares with 1 and 2 and prunes 1, which keeps its base; 4 prunes 2.
  const std::map<int, Shards> saved{{1, {{"base", k_base}, {"head", "1"}, {"sub/opt", "o1"}}},
                                    {2, {{"base", k_base}, {"head", "2"}, {"sub/opt", "o2"}}},
                                    {3, {{"base", k_base}, {"head", "2"}, {"sub/opt", "o3"}}},
                                    {4, {{"base", k_base}, {"head", "4"}, {"sub/opt", "o3"}}},
                                    {5, {{"base", "new"}, {"head", "5"}, {"sub/opt", "o5"}}},
                                    {6, {{"base", "new"}, {"head", "6"}, {"sub/opt", "o6"}}}};
  const int last = GENERATE(3, 6);
  World before;
  (void)World::ask_well(before.begin_request());
  for (int seq = 1; seq < last; ++seq) {
    REQUIRE_FALSE(save_shards(before, seq, saved.at(seq))["durable"].is_null());
  }
  int step = 1;
  for (bool killed = true; killed; ++step) {
    World w;
    const SmallDisk disk(w.durable()); // where that can be: an fsync costs nothing there
    std::filesystem::copy(before.durable(), w.durable(), std::filesystem::copy_options::recursive);
    put_shards(w, last, saved.at(last));
    const auto request = w.secure_request(w.ckpt() + "/step-" + std::to_string(last), last);
    killed = is_killed_at(step, w, request);
    INFO("saving " << last << ", killed at step " << step);
    REQUIRE(w.stored().size() >= 2);
    CHECK(w.stored().back()["seq"] >= last - 1); // the best there was is still there
    check_all_restorable(w, saved);
    // The next helper makes it good, and what it left goes with the next prune.
    REQUIRE_FALSE(save_shards(w, last, saved.at(last))["durable"].is_null());
    auto next = w.secure_request(w.ckpt() + "/step-9", 9);
    next["keep"] = 1;
    put_shards(w, 9, {{"base", "9"}});
    REQUIRE_FALSE(World::ask_well(next)["durable"].is_null());
    CHECK(bytes_below(w.durable()) == 1);
  }
  CHECK(step > 20);
}
