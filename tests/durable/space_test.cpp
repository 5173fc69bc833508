// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/space.h"

#include "tests/durable/small_disk.h"
#include "tests/durable/world.h"
#include "tests/support/skip.h"

#include <filesystem>
#include <fstream>

using namespace gpujob;
using namespace gpujob::test;

namespace {

struct statvfs disk_of(fsblkcnt_t blocks, fsblkcnt_t available) {
  struct statvfs fs {};
  fs.f_frsize = 4096;
  fs.f_blocks = blocks;
  fs.f_bavail = available;
  return fs;
}

/// Secures `name` of `size` bytes where the durable directory may hold `cap` and holds `used`.
Json save_capped(World& w, const std::string& name, int seq, std::size_t size, std::uint64_t cap,
                 std::uint64_t used, int keep = 2) {
  put(w.ckpt() + "/" + name, std::string(size, static_cast<char>('a' + seq)));
  auto request = w.secure_request(w.ckpt() + "/" + name, seq);
  request["cap"] = {{"cap_bytes", cap}, {"used_bytes", used}};
  request["keep"] = keep;
  return World::ask_well(request);
}

} // namespace

TEST_CASE("free bytes are those of statvfs, unless they make no sense", "[space]") {
  CHECK(durable::plausible_free(disk_of(10, 2)) == 8192);
  CHECK(durable::plausible_free(disk_of(10, 0)) == 0);
  CHECK_FALSE(durable::plausible_free(disk_of(0, 0)));   // FUSE that does not say
  CHECK_FALSE(durable::plausible_free(disk_of(10, 11))); // or says nonsense
  CHECK_FALSE(durable::plausible_free(disk_of(10, static_cast<fsblkcnt_t>(-1))));
  CHECK_FALSE(durable::free_bytes("/nowhere"));
  CHECK(durable::free_bytes("/tmp"));
}

TEST_CASE("what the user's cap does not hold is not begun", "[space]") {
  World w;
  (void)World::ask_well(w.begin_request());
  CHECK(save_capped(w, "a.bin", 1, 1000, 5000, 3500)["durable"]["path"] == w.checkpoint_dir(1));
  const auto reply = save_capped(w, "b.bin", 2, 2000, 5000, 4500);
  CHECK(reply["verified"] == true);
  CHECK(reply["durable"].is_null());
  CHECK(reply["durable_error"] ==
        "durable: " + w.durable() +
            ": needs 2 kB, 500 B are left of the 5 kB that it may hold: "
            "raise that, remove what is not needed there, or give another --durable");
  CHECK(reply["pruned"] == 0);
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(2) + ".partial"));
  REQUIRE(w.stored().size() == 1);
}

TEST_CASE("older checkpoints make room under a cap, and it is said", "[space]") {
  World w;
  (void)World::ask_well(w.begin_request());
  for (int seq = 1; seq <= 3; ++seq) {
    (void)save_capped(w, "a.bin", seq, 1000, 1U << 20U, 0, 3);
  }
  REQUIRE(w.stored().size() == 3);
  // Beyond `keep` one goes in any case, and it is enough.
  const auto one = save_capped(w, "a.bin", 4, 1000, 3000, 3000, 2);
  CHECK(one["durable"]["path"] == w.checkpoint_dir(4));
  CHECK(one["pruned"] == 2); // before, and after
  CHECK(w.stored().size() == 2);
  // Below `keep` only the newest stays.
  const auto two = save_capped(w, "a.bin", 5, 1000, 2000, 2000, 2);
  CHECK(two["durable"]["path"] == w.checkpoint_dir(5));
  CHECK(two["pruned"] == 1);
  CHECK(w.stored().size() == 2);
  // The newest stays whatever is asked for, and nothing goes where it would not help.
  const auto none = save_capped(w, "a.bin", 6, 3000, 2000, 2000, 2);
  CHECK(none["durable"].is_null());
  CHECK(none["pruned"] == 0);
  CHECK(w.stored().size() == 2);
}

TEST_CASE("nothing goes for the sake of one when the newest has rotted", "[space]") {
  World w;
  (void)World::ask_well(w.begin_request());
  (void)save_capped(w, "a.bin", 1, 1000, 1U << 20U, 0);
  (void)save_capped(w, "a.bin", 2, 1000, 1U << 20U, 0);
  put(w.checkpoint_dir(2) + "/data/a.bin", std::string(1000, 'X'));
  const auto reply = save_capped(w, "a.bin", 3, 1000, 2000, 2000);
  CHECK(reply["durable"].is_null());
  CHECK(reply["pruned"] == 0);
  CHECK(w.stored().size() == 2);
}

TEST_CASE("a storage too full for a new record still makes room for a checkpoint", "[space]") {
  World w;
  const SmallDisk disk(w.durable(), "size=256k");
  if (!disk.mounted()) {
    skip("mounting a tmpfs needs root and CAP_SYS_ADMIN");
    return;
  }
  (void)World::ask_well(w.begin_request());
  const auto save = [&](int seq, int attempt) {
    put(w.ckpt() + "/a.bin", std::string(80'000U / seq, static_cast<char>('a' + seq)));
    auto request = w.secure_request(w.ckpt() + "/a.bin", seq, attempt);
    request["begin"] = w.begin_request(attempt);
    return World::ask_well(request);
  };
  for (int seq = 1; seq <= 2; ++seq) {
    REQUIRE_FALSE(save(seq, 1)["durable"].is_null());
  }
  for (int i = 0; std::filesystem::space(w.durable()).available > 0; ++i) { // to the last page
    std::ofstream(w.durable() + "/of-others-" + std::to_string(i)) << std::string(4096, 'x');
  }
  const auto reply = save(3, 2);
  INFO(reply.dump());
  CHECK(reply["durable"]["path"] == w.checkpoint_dir(3, 2));
  CHECK(reply["begun"] == 2);
  CHECK(reply["pruned"] > 0);
}

TEST_CASE("a cap that is no number is refused", "[space]") {
  World w;
  put(w.ckpt() + "/a.bin", "x");
  auto request = w.secure_request(w.ckpt() + "/a.bin", 1);
  for (const auto& cap : {Json(5), Json{{"cap_bytes", -1}, {"used_bytes", 0}},
                          Json{{"cap_bytes", 1}}, Json{{"cap_bytes", 1.5}, {"used_bytes", 0}}}) {
    request["cap"] = cap;
    INFO(cap.dump());
    CHECK(World::ask(request)["errc"] == "bad_data");
  }
}

TEST_CASE("a disk that is full of names costs the copy, after what is older has gone", "[space]") {
  World w;
  // Of its inodes statvfs says nothing that we ask for: only the copy meets their end.
  const SmallDisk disk(w.durable(), "size=1m,nr_inodes=30");
  if (!disk.mounted()) {
    skip("mounting a tmpfs needs root and CAP_SYS_ADMIN");
    return;
  }
  (void)World::ask_well(w.begin_request());
  for (int seq = 1; seq <= 2; ++seq) {
    for (int i = 0; i < 4; ++i) {
      put(w.ckpt() + "/c/" + std::to_string(i), std::to_string(seq * 10 + i));
    }
    CHECK_FALSE(World::ask_well(w.secure_request(w.ckpt() + "/c", seq))["durable"].is_null());
  }
  for (int i = 0; i < 7; ++i) {
    put(w.ckpt() + "/c/" + std::to_string(i), std::to_string(30 + i));
  }
  const auto reply = World::ask_well(w.secure_request(w.ckpt() + "/c", 3));
  INFO(reply.dump());
  CHECK(reply["durable"]["path"] == w.checkpoint_dir(3));
  CHECK(reply["pruned"] == 1);
  for (int i = 0; i < 30; ++i) {
    put(w.ckpt() + "/c/" + std::to_string(i), std::to_string(100 + i));
  }
  const auto refused = World::ask_well(w.secure_request(w.ckpt() + "/c", 4));
  CHECK(refused["durable"].is_null());
  CHECK(refused["durable_error"].get<std::string>().find("No space left on device: free some") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(4) + ".partial"));
  REQUIRE(w.stored().size() == 1);
}

TEST_CASE("a full disk costs the copy, not the checkpoint", "[space]") {
  World w;
  const SmallDisk disk(w.durable());
  if (!disk.mounted()) {
    skip("mounting a tmpfs needs root and CAP_SYS_ADMIN");
    return;
  }
  const auto opened = World::ask_well({{"op", "open"}, {"dir", w.durable()}});
  CHECK(opened["filesystem"] == "tmpfs");
  CHECK(opened["warnings"].size() == 1);
  (void)World::ask_well(w.begin_request());
  CHECK(w.save("a.pt", 1, "small")["durable"]["path"] == w.checkpoint_dir(1));

  const auto reply = w.save("b.pt", 2, std::string(2U << 20U, 'x'));
  CHECK(reply["verified"] == true);
  CHECK(reply["durable"].is_null());
  const auto text = reply["durable_error"].get<std::string>();
  INFO(text);
  CHECK(text.starts_with("durable: " + w.durable() + ": needs 2.1 MB, 1."));
  CHECK(text.ends_with(" MB are free: free some, or give another --durable"));
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(2)));
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(2) + ".partial"));
  CHECK(std::filesystem::exists(w.manifest(2)));
  REQUIRE(w.stored().size() == 1);
  CHECK(w.save("c.pt", 3, "small too")["durable"]["path"] == w.checkpoint_dir(3));
}

TEST_CASE("what is older makes room for what is newer, the best there is does not", "[space]") {
  World w;
  const SmallDisk disk(w.durable());
  if (!disk.mounted()) {
    skip("mounting a tmpfs needs root and CAP_SYS_ADMIN");
    return;
  }
  (void)World::ask_well(w.begin_request());
  (void)w.save("a.pt", 1, std::string(300U << 10U, 'a'));
  (void)w.save("b.pt", 2, std::string(300U << 10U, 'b'));
  REQUIRE(w.stored().size() == 2);
  CHECK(w.save("c.pt", 3, std::string(500U << 10U, 'c'))["durable"]["path"] == w.checkpoint_dir(3));
  CHECK_FALSE(std::filesystem::exists(w.checkpoint_dir(1)));
  CHECK(std::filesystem::exists(w.checkpoint_dir(2)));
  // Even alone it would not fit: nothing more goes for its sake than what is older than the best.
  CHECK(w.save("d.pt", 4, std::string(2U << 20U, 'd'))["durable"].is_null());
  CHECK(std::filesystem::exists(w.checkpoint_dir(3)));
}
