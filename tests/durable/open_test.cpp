// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/open.h"

#include "tests/durable/world.h"

#include <unistd.h>

using namespace gpujob;
using namespace gpujob::test;
using durable::check_mount;
using durable::open_durable;
using durable::parse_mounts;

namespace {

constexpr const char* k_root = "overlay / overlay rw 0 0\n";

std::string why(const Result<durable::Mount>& r) {
  return r ? "" : r.error().text;
}

/// The table a temporary directory would be in if it lay on `type`.
durable::MountTable on(const TempDir& dir, const std::string& type) {
  return parse_mounts(std::string(k_root) + "x " + dir.path() + " " + type + " rw 0 0\n", "");
}

} // namespace

TEST_CASE("the deepest mount covers a path", "[mounts]") {
  const auto table = parse_mounts("a / ext4 rw 0 0\nb /mnt nfs rw 0 0\n"
                                  "c /mnt/my\\040disk fuse.rclone rw 0 0\nd /mnt tmpfs rw 0 0\n"
                                  "bad line\n",
                                  "# comment\nUUID=5 /data xfs defaults 0 2\nswap none swap sw\n");
  CHECK(table.covering("/mntx").type == "ext4");
  CHECK(table.covering("/mnt/y").type == "tmpfs"); // mounted over the other one
  CHECK(table.covering("/mnt/my disk/z").type == "fuse.rclone");
  CHECK(table.wanted.size() == 1);
  CHECK(parse_mounts("", "").covering("/x").type == "unknown");
}

TEST_CASE("Drive that is not mounted is refused, whoever asks", "[mounts]") {
  const auto bare = parse_mounts(k_root, "");
  const auto drive =
      parse_mounts(std::string(k_root) + "drive /content/drive fuse.drive rw 0 0", "");
  for (const auto* dir : {"/content/drive", "/content/drive/MyDrive/gpujob", "/content/gdrive/x"}) {
    INFO(dir);
    CHECK(why(check_mount(dir, "", bare)).find("Google Drive is not mounted") != std::string::npos);
  }
  CHECK(check_mount("/content/driver", "", bare));
  CHECK(check_mount("/content/drive/MyDrive/gpujob", "", drive)->type == "fuse.drive");
  CHECK(check_mount("/content/drive/MyDrive/gpujob", "fuse.drive", drive));
  CHECK(check_mount("/content/drive/MyDrive/gpujob", "fuse", drive));
}

TEST_CASE("a mount that is required and missing is refused", "[mounts]") {
  const TempDir dir;
  const auto other = on(dir, "ext4");
  const auto text = why(check_mount(dir / "gpujob", "fuse.rclone", other));
  CHECK(text.starts_with("durable directory: " + (dir / "gpujob") + ": no fuse.rclone is mounted"));
  CHECK(check_mount(dir / "gpujob", "fuse.rclone", on(dir, "fuse.rclone")));
  CHECK_FALSE(open_durable(dir / "gpujob", "fuse.rclone", other));
  CHECK_FALSE(std::filesystem::exists(dir / "gpujob"));
}

TEST_CASE("a mount point of fstab that is not mounted is refused", "[mounts]") {
  const auto table = parse_mounts(k_root, "server:/x /storage nfs rw 0 0\nUUID=1 / ext4 rw 0 1\n");
  CHECK(why(check_mount("/storage/gpujob", "", table)).find("/etc/fstab has nfs at /storage") !=
        std::string::npos);
  CHECK(check_mount("/store", "", table));
  const auto mounted = parse_mounts(std::string(k_root) + "server:/x /storage nfs rw 0 0\n",
                                    "server:/x /storage nfs rw 0 0\n");
  CHECK(check_mount("/storage/gpujob", "", mounted));
}

TEST_CASE("links are followed before a mount is looked for", "[mounts]") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "real");
  std::filesystem::create_symlink(dir / "real", dir / "link");
  const auto table = parse_mounts(k_root + ("x " + (dir / "real") + " fuse.drive rw 0 0\n"), "");
  CHECK(check_mount(dir / "link/gpujob", "fuse.drive", table));
  CHECK_FALSE(check_mount(dir / "gpujob", "fuse.drive", table));
}

TEST_CASE("what a proven copy is worth follows from the file system", "[open]") {
  const TempDir dir;
  for (const auto& [type, level] :
       std::vector<std::pair<std::string, std::string>>{{"ext4", "stored"},
                                                        {"nfs4", "stored"},
                                                        {"fuse.drive", "cached"},
                                                        {"fuse.rclone", "cached"},
                                                        {"overlay", "cached"},
                                                        {"strange", "cached"}}) {
    const auto opened = open_durable(dir / "gpujob", "", on(dir, type));
    REQUIRE(opened);
    CHECK(opened->level == level);
    CHECK(opened->filesystem == type);
    CHECK(opened->warnings.empty() == (type != "overlay"));
  }
  const auto memory = open_durable(dir / "gpujob", "", on(dir, "tmpfs"));
  REQUIRE(memory->warnings.size() == 1);
  CHECK(memory->warnings[0].find("will not survive this VM") != std::string::npos);
  CHECK(std::filesystem::is_empty(dir / "gpujob")); // no probe stays
}

TEST_CASE("only the last component is made", "[open]") {
  const TempDir dir;
  const auto table = on(dir, "ext4");
  CHECK(open_durable(dir / "gpujob", "", table));
  CHECK(open_durable(dir / "gpujob", "", table));
  const auto deep = open_durable(dir / "no/gpujob", "", table);
  REQUIRE_FALSE(deep);
  CHECK(deep.error().text.find((dir / "no") + " is not there") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "no"));
  put(dir / "file", "x");
  CHECK(open_durable(dir / "file", "", table).error().text.find("is not a directory") !=
        std::string::npos);
}

TEST_CASE("nothing is made where mounts appear: what is missing there was not mounted", "[open]") {
  const auto table = parse_mounts(k_root, "");
  for (const auto* dir : {"/gpujob-not-mounted", "/mnt/gpujob-not-mounted",
                          "/media/gpujob-not-mounted", "/content/gpujob-not-mounted"}) {
    INFO(dir);
    const auto opened = open_durable(dir, "", table);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().text.find("mount it first") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(dir));
  }
}

TEST_CASE("a directory that cannot be written is refused", "[open]") {
  // sysfs takes no files, not even from root.
  const auto opened = open_durable("/sys/kernel", "", parse_mounts(k_root, ""));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().text.starts_with("durable directory: /sys/kernel: "));
  const auto reply = World::ask({{"op", "open"}, {"dir", "/sys/kernel"}, {"require_mount", ""}});
  CHECK(reply["errc"] == "io");
}
