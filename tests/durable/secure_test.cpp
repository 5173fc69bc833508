// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/early_copy.h"
#include "daemon/durable/manifest.h"
#include "daemon/durable/mirror.h"
#include "daemon/durable/progress.h"
#include "daemon/durable/secure.h"
#include "tests/durable/world.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/wait.h"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace gpujob;
using namespace gpujob::test;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? st.st_mode & 0777U : 0;
}

Tree tree_of(const std::string& path) {
  return list_tree(path, 100).value();
}

/// Of one file, as checkpoint 1.
durable::Manifest manifest_of(const std::string& path) {
  durable::Manifest m{"job1", 1, "s1", 1, path, "notify", {}, 1, base_name(path), false, {}, {}};
  m.files = durable::hash_tree(tree_of(path)).value();
  return m;
}

} // namespace

TEST_CASE("a copy begins while the checkpoint is hashed, and counts for nothing", "[early]") {
  World w;
  put(w.ckpt() + "/c/a", "four");
  put(w.ckpt() + "/c/sub/b", "fourteen");
  const auto tree = tree_of(w.ckpt() + "/c");
  durable::SecureRequest q;
  q.key = {"job1", 1, "s1"};
  q.seq = 2;
  q.dir = w.durable();
  const auto partial = w.checkpoint_dir(2) + ".partial";
  SECTION("what is taken over stays") {
    {
      durable::EarlyCopy early(q);
      early.start(tree);
      CHECK(early.wait() == durable::Paths{"c/a", "c/sub/b"});
      CHECK(early.bytes() == 12);
      early.hand_over();
    }
    CHECK(get(partial + "/data/c/sub/b") == "fourteen");
    CHECK(w.stored().empty());
  }
  SECTION("what nobody takes over goes") {
    {
      durable::EarlyCopy early(q);
      early.start(tree);
      CHECK(early.wait().size() == 2);
    }
    CHECK_FALSE(std::filesystem::exists(partial));
  }
  SECTION("what may be there already waits for its hash") {
    put(w.ckpt() + "/x", "abcd");
    (void)World::ask_well(w.secure_request(w.ckpt() + "/x", 1));
    durable::EarlyCopy early(q);
    early.start(tree);
    CHECK(early.wait() == durable::Paths{"c/sub/b"});
  }
  SECTION("what may not fit waits, too") {
    q.cap = durable::Cap{11, 0};
    durable::EarlyCopy early(q);
    early.start(tree);
    CHECK(early.wait().empty());
  }
  SECTION("a file that is no longer what was listed ends it") {
    put(w.ckpt() + "/c/sub/b", "fifteen bytes!!");
    durable::EarlyCopy early(q);
    early.start(tree);
    CHECK(early.wait() == durable::Paths{"c/a"});
  }
}

TEST_CASE("how far a copy is stands in a file that is gone with it", "[progress]") {
  const World w;
  const auto path = w / "storing.json";
  const auto said = [&] { return Json::parse(get(path)); };
  put(path, "of a helper that was killed");
  SECTION("it grows, also where a copy begins anew") {
    {
      durable::Progress progress(path, 3, {});
      CHECK_FALSE(std::filesystem::exists(path));
      progress.begin(10);
      CHECK(said()["seq"] == 3);
      CHECK(said()["done_bytes"] == 0);
      progress.add(4);
      CHECK(said()["done_bytes"] == 4);
      CHECK(said()["total_bytes"] == 10);
      CHECK(said()["seconds"] >= 0);
      progress.begin(8, 3);
      CHECK(said()["done_bytes"] == 3);
      CHECK(said()["total_bytes"] == 8);
    }
    CHECK_FALSE(std::filesystem::exists(path));
  }
  SECTION("a short copy writes nothing") {
    durable::Progress progress(path, 3, std::chrono::hours{1});
    progress.begin(10);
    progress.add(10);
    CHECK_FALSE(std::filesystem::exists(path));
  }
  SECTION("where it cannot be written nothing fails") {
    durable::Progress progress(w / "not/there.json", 3, {});
    progress.begin(10);
    progress.add(10);
    CHECK_FALSE(std::filesystem::exists(w / "not"));
  }
}

TEST_CASE("what is copied early and what is copied later count once", "[progress]") {
  const World w;
  put(w.ckpt() + "/x", "abcd");
  (void)World::ask_well(w.secure_request(w.ckpt() + "/x", 1));
  put(w.ckpt() + "/c/config.json", "{}"); // of no stored size: early
  put(w.ckpt() + "/c/model.bin", "efgh");
  durable::SecureRequest q;
  q.key = {"job1", 1, "s1"};
  q.seq = 2;
  q.path = w.ckpt() + "/c";
  q.dir = w.durable();
  durable::Progress progress(w / "storing.json", 2, {});
  q.progress = &progress;
  REQUIRE_FALSE(durable::secure(q).durable_path.empty());
  const auto said = Json::parse(get(w / "storing.json"));
  CHECK(said["done_bytes"] == 6);
  CHECK(said["total_bytes"] == 6);
}

TEST_CASE("a request that names a path for it leaves nothing there", "[progress]") {
  const World w;
  put(w.ckpt() + "/a.pt", torch_file("one"));
  auto request = w.secure_request(w.ckpt() + "/a.pt", 1);
  const auto path = w / "storing.json";
  put(path, "of a helper that was killed");
  request["progress"] = path;
  CHECK(World::ask_well(request)["verified"] == true);
  CHECK_FALSE(std::filesystem::exists(path));
  request["progress"] = "relative";
  CHECK(World::ask(request)["ok"] == false);
}

TEST_CASE("a durable directory that hangs keeps no checkpoint from being verified", "[early]") {
  World w;
  put(w.ckpt() + "/a.pt", torch_file("one"));
  // Whoever reads it waits for a writer that never comes.
  const auto* hangs = GENERATE("/manifest.json", "/../../spec.json");
  std::filesystem::create_directories(w.checkpoint_dir(7));
  REQUIRE(::mkfifo((w.checkpoint_dir(7) + hangs).c_str(), 0600) == 0);
  const auto helper = ::fork();
  if (helper == 0) {
    auto request = w.secure_request(w.ckpt() + "/a.pt", 1);
    request["begin"] = w.begin_request();
    (void)World::ask(request);
    ::_exit(0);
  }
  CHECK(wait_until([&] { return durable::read_manifest(w.manifest(1)).has_value(); }));
  CHECK(::waitpid(helper, nullptr, WNOHANG) == 0); // it hangs
  ::kill(helper, SIGKILL);
  ::waitpid(helper, nullptr, 0);
}

TEST_CASE("what is shared must still be kept by its manifest when the new one is there",
          "[secure]") {
  const World w;
  put(w.ckpt() + "/a.pt", "one");
  auto sharing = durable::share_nothing(manifest_of(w.ckpt() + "/a.pt"));
  sharing.keepers = {w.durable() + "/pruned/manifest.json"};
  const auto copied = durable::mirror(w.durable(), sharing, {});
  CHECK_FALSE(copied.path);
  CHECK(copied.lost_shared);
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(1)));
}

TEST_CASE("a checkpoint directory is copied, proven and listed", "[secure]") {
  World w;
  put_hf(w.ckpt() + "/checkpoint-5");
  put(w.ckpt() + "/checkpoint-5/sub/x\xff", "any name");
  std::filesystem::create_directories(w.ckpt() + "/checkpoint-5/empty");
  (void)World::ask_well(w.begin_request());
  const auto reply = World::ask_well(w.secure_request(w.ckpt() + "/checkpoint-5", 1));

  CHECK(reply["verified"] == true);
  CHECK(reply["why"] == "");
  CHECK(reply["files"] == 4);
  CHECK(reply["durable"]["level"] == "stored");
  CHECK(reply["durable"]["path"] == w.checkpoint_dir(1));
  CHECK(reply["durable_error"] == "");
  const auto data = w.checkpoint_dir(1) + "/data/checkpoint-5";
  CHECK(get(data + "/model.safetensors") == safetensors_file());
  CHECK(get(data + "/sub/x\xff") == "any name");
  CHECK(std::filesystem::is_directory(data + "/empty"));
  CHECK(mode_of(data + "/model.safetensors") == 0600);
  CHECK(mode_of(w.checkpoint_dir(1)) == 0700);
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(1) + ".partial"));
  CHECK(same_content(durable::read_manifest(w.manifest(1)).value(),
                     durable::read_manifest(w.checkpoint_dir(1) + "/manifest.json").value()));

  const auto stored = w.stored();
  REQUIRE(stored.size() == 1);
  CHECK(stored[0]["seq"] == 1);
  CHECK(stored[0]["source"] == w.ckpt() + "/checkpoint-5");
  CHECK(stored[0]["how"] == "notify");
  CHECK(stored[0]["step"] == 100);
  CHECK(stored[0]["bytes"] == reply["bytes"]);
}

TEST_CASE("without a durable directory it is verified on the VM", "[secure]") {
  World w;
  put(w.ckpt() + "/a.pt", torch_file());
  auto request = w.secure_request(w.ckpt() + "/a.pt", 1);
  request["dir"] = nullptr;
  request["level"] = nullptr;
  const auto reply = World::ask_well(request);
  CHECK(reply["verified"] == true);
  CHECK(reply["durable"].is_null());
  CHECK(durable::read_manifest(w.manifest(1)));
  CHECK(std::filesystem::is_empty(w.durable()));
}

TEST_CASE("a truncated zip is not verified and leaves nothing", "[secure]") {
  World w;
  put(w.ckpt() + "/a.pt", torch_file().substr(0, 100));
  const auto reply = World::ask_well(w.secure_request(w.ckpt() + "/a.pt", 1));
  CHECK(reply["verified"] == false);
  CHECK(reply["why"].get<std::string>().find("the zip's end is missing") != std::string::npos);
  CHECK(reply["durable"].is_null());
  CHECK_FALSE(std::filesystem::exists(w.manifest(1)));
  CHECK(w.stored().empty());

  const auto gone = World::ask_well(w.secure_request(w.ckpt() + "/nothing.pt", 1));
  CHECK(gone["verified"] == false);
  CHECK(gone["why"].get<std::string>().find("No such file") != std::string::npos);
}

TEST_CASE("one that cannot be looked at is neither good nor bad, and its manifest stays",
          "[secure]") {
  World w;
  (void)w.save("m.pt", 1, "tensor");
  durable::SecureRequest q;
  q.key = {"job1", 1, "s1"};
  q.seq = 1;
  q.path = w.ckpt() + "/m.pt";
  q.manifest = w.manifest(1);
  const auto secured = [&] {
    const NoDescriptors none;
    return durable::secure(q);
  }();
  CHECK(secured.unknown);
  CHECK_FALSE(secured.verified);
  CHECK(std::filesystem::exists(w.manifest(1)));
}

TEST_CASE("one whose manifest nobody takes is asked about again", "[secure]") {
  World w;
  put(w.ckpt() + "/m.pt", torch_file("tensor"));
  auto request = w.secure_request(w.ckpt() + "/m.pt", 1);
  request["dir"] = nullptr;
  request["manifest"] = w / "manifests/1-1.json/no-directory/x.json";
  std::filesystem::create_directories(w / "manifests");
  put(w / "manifests/1-1.json", "in the way");
  CHECK(World::ask(request)["ok"] == false);
  std::filesystem::remove(w / "manifests/1-1.json");
  CHECK(World::ask_well(request)["verified"] == true);
}

TEST_CASE("a file that is no longer what was listed is not hashed", "[secure]") {
  const World w;
  const auto path = w.ckpt() + "/a.pt";
  put(path, "one");
  const auto listed = tree_of(path);
  REQUIRE(durable::hash_tree(listed));

  SECTION("longer") {
    put(path, "longer");
  }
  SECTION("replaced by one of the same size") {
    put(path + ".new", "two");
    std::filesystem::rename(path + ".new", path);
  }
  SECTION("gone") {
    std::filesystem::remove(path);
  }
  const auto hashed = durable::hash_tree(listed);
  REQUIRE_FALSE(hashed);
  CHECK(hashed.error().code == Errc::refused);
  CHECK(hashed.error().text.find("changed while it was copied") != std::string::npos);
}

TEST_CASE("a source that changes between hash and copy is not taken", "[secure]") {
  const World w;
  const auto path = w.ckpt() + "/a.pt";
  put(path, "one");
  const auto m = manifest_of(path);
  put(path, "two");
  const auto copied = durable::mirror(w.durable(), durable::share_nothing(m), {});
  REQUIRE_FALSE(copied.path);
  CHECK(copied.path.error().code == Errc::refused);
  CHECK(copied.path.error().text.find("changed while it was copied") != std::string::npos);
  CHECK(std::filesystem::is_empty(w.durable() + "/jobs/job1/attempts/1-s1/checkpoints"));
}

TEST_CASE("a checkpoint that is still being written is given up after three tries", "[secure]") {
  World w;
  const auto path = w.ckpt() + "/a.bin";
  put(path, std::string(8U << 20U, 'x'));
  std::atomic<bool> stop{false};
  std::atomic<int> writes{0};
  std::thread writer([&] {
    // Renamed over, so that the inode changes whatever the clock's resolution is.
    while (!stop) {
      put(path + ".new", "y");
      std::filesystem::resize_file(path + ".new", 8U << 20U);
      std::filesystem::rename(path + ".new", path);
      ++writes;
    }
  });
  while (writes == 0) {
    std::this_thread::yield();
  }
  const auto reply = World::ask(w.secure_request(path, 1));
  stop = true;
  writer.join();
  INFO(reply.dump());
  REQUIRE(reply["ok"] == true);
  // Either it was seen changing each time, or all of one state was caught; never a mixture.
  if (reply["verified"] == true) {
    CHECK(get(w.checkpoint_dir(1) + "/data/a.bin").size() == 8U << 20U);
  } else {
    CHECK(reply["why"].get<std::string>().find("changed") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(w.manifest(1)));
    CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(1)));
    CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(1) + ".partial"));
  }
}

TEST_CASE("the same checkpoint is not copied twice", "[secure]") {
  World w;
  (void)World::ask_well(w.begin_request());
  const auto first = w.save("last.ckpt", 1, "same");
  const auto second = w.save("last.ckpt", 2, "same");
  CHECK(second["verified"] == true);
  CHECK(second["durable"]["path"] == first["durable"]["path"]);
  CHECK(std::filesystem::exists(w.manifest(2)));
  // It was written over before it was copied: what is there is the later step.
  REQUIRE(w.stored().size() == 1);
  CHECK(w.stored()[0]["step"] == 200);
  CHECK(World::ask_well(w.secure_request(w.ckpt() + "/last.ckpt", 1))["durable"]["path"] ==
        first["durable"]["path"]);
  CHECK(w.stored()[0]["step"] == 200);
  const auto third = w.save("last.ckpt", 3, "other");
  CHECK(third["durable"]["path"] == w.checkpoint_dir(3));
  // The newest is another one by now.
  CHECK(w.save("last.ckpt", 4, "same")["durable"]["path"] == w.checkpoint_dir(4));
}

TEST_CASE("a number that is taken keeps what it has", "[secure]") {
  World w;
  (void)World::ask_well(w.begin_request());
  (void)w.save("a.pt", 1, "first");
  const auto again = w.save("b.pt", 1, "second");
  CHECK(again["verified"] == true);
  CHECK(again["durable"].is_null());
  CHECK(again["durable_error"].get<std::string>().find("another checkpoint of this number") !=
        std::string::npos);
  CHECK(get(w.checkpoint_dir(1) + "/data/a.pt") == torch_file("first"));
}

TEST_CASE("what the storage has lost since is stored again", "[secure]") {
  World w;
  (void)World::ask_well(w.begin_request());
  (void)w.save("a.pt", 1, "same");
  const auto damage = [&] {
    auto bytes = get(w.checkpoint_dir(1) + "/data/a.pt");
    bytes[bytes.size() / 2] ^= 1;
    put(w.checkpoint_dir(1) + "/data/a.pt", bytes);
  };
  damage();
  SECTION("under the same number") {
    CHECK(w.save("a.pt", 1, "same")["durable"]["path"] == w.checkpoint_dir(1));
    CHECK(get(w.checkpoint_dir(1) + "/data/a.pt") == torch_file("same"));
  }
  SECTION("under the next one, although the damaged one is the newest and of the same size") {
    CHECK(w.save("a.pt", 2, "same")["durable"]["path"] == w.checkpoint_dir(2));
    CHECK(get(w.checkpoint_dir(2) + "/data/a.pt") == torch_file("same"));
  }
}

TEST_CASE("power lost between copy and manifest: the older one counts", "[secure]") {
  World w;
  (void)World::ask_well(w.begin_request());
  (void)w.save("a.pt", 1, "first");
  (void)w.save("a.pt", 2, "second");
  std::filesystem::remove(w.checkpoint_dir(2) + "/manifest.json");
  put(w.checkpoint_dir(3) + ".partial/data/a.pt", "half");

  const auto stored = w.stored();
  REQUIRE(stored.size() == 1);
  CHECK(stored[0]["seq"] == 1);
  // The next save of that number replaces what never counted, and clears the rest.
  CHECK(w.save("a.pt", 2, "second")["durable"]["path"] == w.checkpoint_dir(2));
  CHECK(w.save("a.pt", 4, "fourth")["verified"] == true);
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(3) + ".partial"));
}

TEST_CASE("only the newest are kept, over all attempts", "[secure]") {
  World w;
  (void)World::ask_well(w.begin_request(1, "s1"));
  (void)w.save("a.pt", 1, "one");
  (void)w.save("a.pt", 2, "two");
  CHECK(w.stored().size() == 2);
  (void)World::ask_well(w.begin_request(2, "s2"));
  CHECK(w.save("a.pt", 1, "three", 2, "s2")["pruned"] == 1);
  const auto stored = w.stored();
  REQUIRE(stored.size() == 2);
  CHECK(stored[0]["path"] == w.checkpoint_dir(2));
  CHECK(stored[1]["path"] == w.checkpoint_dir(1, 2, "s2"));
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(1)));
}

TEST_CASE("a VM that was taken for dead removes nothing of the one that took over", "[secure]") {
  World w;
  (void)World::ask_well(w.begin_request(1, "s1"));
  (void)World::ask_well(w.begin_request(2, "s2"));
  (void)World::ask_well(w.begin_request(2, "s3"));
  (void)w.save("a.pt", 1, "taken over", 2, "s2");
  for (int seq = 1; seq <= 3; ++seq) {
    (void)w.save("a.pt", seq, "still at it " + std::to_string(seq), 1, "s1");
  }
  for (int seq = 1; seq <= 3; ++seq) {
    (void)w.save("a.pt", seq, "a twin " + std::to_string(seq), 2, "s3");
  }
  CHECK(std::filesystem::exists(w.checkpoint_dir(1, 2, "s2")));
  CHECK(std::filesystem::exists(w.checkpoint_dir(3, 2, "s3")));
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(1, 2, "s3")));
}

TEST_CASE("the newest that is good is never removed", "[secure]") {
  World w;
  (void)World::ask_well(w.begin_request());
  put(w.ckpt() + "/a.pt", torch_file("one"));
  auto request = w.secure_request(w.ckpt() + "/a.pt", 1);
  request["keep"] = 1;
  (void)World::ask_well(request);

  SECTION("a copy that fails removes nothing") {
    put(w.ckpt() + "/a.pt", torch_file("two"));
    const auto reply = World::ask_well(request); // the number is taken
    CHECK(reply["durable"].is_null());
    CHECK(reply["pruned"] == 0);
    CHECK(durable::read_manifest(w.checkpoint_dir(1) + "/manifest.json"));
  }
  SECTION("a newer one that lost its bytes does not count as kept") {
    put(w.ckpt() + "/a.pt", torch_file("two"));
    request["seq"] = 2;
    request["keep"] = 2;
    (void)World::ask_well(request);
    put(w.checkpoint_dir(2) + "/data/a.pt", "");
    put(w.ckpt() + "/a.pt", torch_file("three"));
    request["seq"] = 3;
    (void)World::ask_well(request);
    CHECK(w.stored().size() == 2); // 1 and 3
  }
  SECTION("keep 0 is no request") {
    request["keep"] = 0;
    CHECK(World::ask(request)["errc"] == "bad_data");
  }
}

TEST_CASE("leftovers of sessions long gone are cleared, fresh ones are not", "[secure]") {
  World w;
  (void)World::ask_well(w.begin_request(1, "s1"));
  (void)World::ask_well(w.begin_request(2, "s2"));
  const auto old = w.checkpoint_dir(7) + ".partial", fresh = w.checkpoint_dir(8) + ".partial";
  put(old + "/data/x", "x");
  put(fresh + "/data/x", "x");
  const timespec times[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, old.c_str(), times, 0) == 0);
  (void)w.save("a.pt", 1, "one", 2, "s2");
  CHECK_FALSE(std::filesystem::exists(old));
  CHECK(std::filesystem::exists(fresh));
}

TEST_CASE("a link to a checkpoint is kept under its own name", "[secure]") {
  World w;
  put(w.ckpt() + "/epoch=3.ckpt", torch_file("three"));
  std::filesystem::create_symlink("epoch=3.ckpt", w.ckpt() + "/last.ckpt");
  CHECK(World::ask_well(w.secure_request(w.ckpt() + "/last.ckpt", 1))["verified"] == true);
  CHECK(get(w.checkpoint_dir(1) + "/data/last.ckpt") == torch_file("three"));
}
