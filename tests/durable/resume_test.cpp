// SPDX-License-Identifier: Apache-2.0
#include "tests/durable/world.h"

#include <sys/stat.h>

using namespace gpujob;
using namespace gpujob::test;

namespace {

Json candidate(const World& w, const std::string& name, int seq, bool local = true) {
  return {{"path", local ? Json(w.ckpt() + "/" + name) : Json()},
          {"manifest", local ? Json(w.manifest(seq)) : Json()},
          {"durable_path", w.checkpoint_dir(seq)}};
}

Json resume(const World& w, const std::vector<Json>& candidates) {
  return World::ask_well({{"op", "resume"}, {"ckpt_dir", w.ckpt()}, {"candidates", candidates}});
}

void flip_a_byte(const std::string& path) {
  auto bytes = get(path);
  bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
  put(path, bytes);
}

/// Two checkpoints, a.pt and then b.pt.
void save_two(World& w) {
  (void)World::ask_well(w.begin_request());
  (void)w.save("a.pt", 1, "first");
  (void)w.save("b.pt", 2, "second");
}

/// What a new VM has.
void lose_the_disk(const World& w) {
  std::filesystem::remove_all(w.ckpt());
  std::filesystem::create_directories(w.ckpt());
}

} // namespace

TEST_CASE("the newest checkpoint that is intact on the VM is used as it is", "[resume]") {
  World w;
  save_two(w);
  const auto reply = resume(w, {candidate(w, "b.pt", 2), candidate(w, "a.pt", 1)});
  CHECK(reply["path"] == w.ckpt() + "/b.pt");
  CHECK(reply["index"] == 0);
  CHECK(reply["from"] == "local");
  CHECK(reply["rejected"].empty());
}

TEST_CASE("on a new VM it is restored", "[resume]") {
  World w;
  put_hf(w.ckpt() + "/checkpoint-5");
  ::chmod((w.ckpt() + "/checkpoint-5/optimizer.pt").c_str(), 0640);
  std::filesystem::create_directories(w.ckpt() + "/checkpoint-5/empty");
  (void)World::ask_well(w.secure_request(w.ckpt() + "/checkpoint-5", 1));
  lose_the_disk(w);
  const auto reply = resume(w, {candidate(w, "checkpoint-5", 1, false)});
  const auto path = w.ckpt() + "/checkpoint-5";
  CHECK(reply["path"] == path);
  CHECK(reply["from"] == "durable");
  CHECK(get(path + "/model.safetensors") == safetensors_file());
  CHECK(std::filesystem::is_directory(path + "/empty"));
  struct stat st {};
  REQUIRE(::stat((path + "/optimizer.pt").c_str(), &st) == 0);
  CHECK((st.st_mode & 0777U) == 0640);
  CHECK_FALSE(std::filesystem::exists(w.ckpt() + "/.gpujob-restore.partial"));
  // And once more: it is there now, and nothing is copied.
  CHECK(resume(w, {candidate(w, "checkpoint-5", 1, false)})["from"] == "local");
}

TEST_CASE("a flipped byte on the VM is found, and the durable copy restored", "[resume]") {
  World w;
  save_two(w);
  flip_a_byte(w.ckpt() + "/b.pt");
  put(w.ckpt() + "/b.pt.stale-1", "an older one");
  const auto damaged = get(w.ckpt() + "/b.pt");
  const auto reply = resume(w, {candidate(w, "b.pt", 2)});
  CHECK(reply["from"] == "durable");
  CHECK(get(w.ckpt() + "/b.pt") == torch_file("second"));
  CHECK(get(w.ckpt() + "/b.pt.stale-2") == damaged);
  CHECK(get(w.ckpt() + "/b.pt.stale-1") == "an older one");
  REQUIRE(reply["rejected"].size() == 1);
  CHECK(reply["rejected"][0]["path"] == w.ckpt() + "/b.pt");
  CHECK(reply["rejected"][0]["why"].get<std::string>().find("not those of its manifest") !=
        std::string::npos);
}

TEST_CASE("a flipped byte in the durable directory falls back to the one before", "[resume]") {
  World w;
  save_two(w);
  lose_the_disk(w);
  flip_a_byte(w.checkpoint_dir(2) + "/data/b.pt");
  const auto reply = resume(w, {candidate(w, "b.pt", 2), candidate(w, "a.pt", 1)});
  CHECK(reply["path"] == w.ckpt() + "/a.pt");
  CHECK(reply["index"] == 1);
  CHECK(reply["from"] == "durable");
  CHECK(reply["rejected"].size() == 3); // b.pt here, b.pt there, a.pt here
  CHECK_FALSE(std::filesystem::exists(w.ckpt() + "/b.pt"));
  CHECK(get(w.ckpt() + "/a.pt") == torch_file("first"));
}

TEST_CASE("one that cannot be read now is not passed over for an older one", "[resume]") {
  World w;
  save_two(w);
  lose_the_disk(w);
  const auto ask = [&] {
    return World::ask({{"op", "resume"},
                       {"dir", w.durable()},
                       {"ckpt_dir", w.ckpt()},
                       {"candidates", {candidate(w, "b.pt", 2), candidate(w, "a.pt", 1)}}});
  };
  const auto away = w / "away";
  const auto gone = w.checkpoint_dir(2) + "/gone";
  Json reply;
  SECTION("one file of it") {
    // Reading a directory as a manifest is an error of the system, for root as well.
    const auto manifest = w.checkpoint_dir(2) + "/manifest.json";
    std::filesystem::rename(manifest, gone);
    std::filesystem::create_directories(manifest);
    reply = ask();
    std::filesystem::remove(manifest);
    std::filesystem::rename(gone, manifest);
  }
  SECTION("the whole durable directory") {
    put(w.ckpt() + "/a.pt", torch_file("first")); // an older one is here
    std::filesystem::rename(w.durable(), away);
    reply = ask();
    std::filesystem::rename(away, w.durable());
  }
  INFO(reply.dump());
  CHECK(reply["ok"] == false);
  CHECK(reply["errc"] == "io");
  CHECK(ask()["index"] == 0);
  CHECK(get(w.ckpt() + "/b.pt") == torch_file("second"));
}

TEST_CASE("with nothing good left it says why for each", "[resume]") {
  World w;
  save_two(w);
  lose_the_disk(w);
  std::filesystem::remove(w.checkpoint_dir(2) + "/manifest.json");
  put(w.checkpoint_dir(1) + "/manifest.json", "{}");
  const auto reply =
      resume(w, {candidate(w, "b.pt", 2), candidate(w, "a.pt", 1),
                 Json{{"path", w.ckpt() + "/c.pt"}, {"manifest", nullptr}, {"durable_path", ""}}});
  CHECK(reply["path"].is_null());
  CHECK(reply["index"].is_null());
  CHECK(reply["from"] == "none");
  REQUIRE(reply["rejected"].size() == 5);
  for (const auto& rejected : reply["rejected"]) {
    CHECK(rejected["why"] != "");
  }
  CHECK(resume(w, {})["from"] == "none");
}

TEST_CASE("a manifest of another file proves nothing", "[resume]") {
  World w;
  save_two(w);
  const auto reply = resume(
      w, {Json{{"path", w.ckpt() + "/a.pt"}, {"manifest", w.manifest(2)}, {"durable_path", ""}}});
  CHECK(reply["from"] == "none");
}

TEST_CASE("a restored Megatron iteration is named by its tracker again", "[resume]") {
  World w;
  put(w.ckpt() + "/iter_0000200/mp_rank_00/model.pt", torch_file());
  put(w.ckpt() + "/latest_checkpointed_iteration.txt", "200");
  const auto saved = World::ask_well(w.secure_request(w.ckpt() + "/iter_0000200", 1));
  REQUIRE(saved["verified"] == true);
  lose_the_disk(w);
  CHECK(resume(w, {candidate(w, "iter_0000200", 1, false)})["from"] == "durable");
  CHECK(get(w.ckpt() + "/latest_checkpointed_iteration.txt") == "200");
}
