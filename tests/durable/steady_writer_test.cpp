// SPDX-License-Identifier: Apache-2.0
#include "common/fd.h"
#include "daemon/durable/steady_writer.h"
#include "tests/durable/world.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace gpujob;
using namespace gpujob::test;

namespace {

int g_lose = 0;        ///< errno that waiting for write-back says once, as the kernel does
bool g_rot = false;    ///< the next file that is synced keeps another first byte
int g_sync_waited = 0; ///< how often write-back was waited for

} // namespace

// In place of the C library's.
extern "C" int sync_file_range(int fd, off64_t from, off64_t length, unsigned how) {
  if ((how & SYNC_FILE_RANGE_WAIT_AFTER) != 0) {
    ++g_sync_waited;
    if (g_lose != 0) {
      errno = std::exchange(g_lose, 0);
      return -1;
    }
  }
  return static_cast<int>(::syscall(SYS_sync_file_range, fd, from, length, how));
}

extern "C" int fsync(int fd) {
  const char rotten = '#';
  if (g_rot && ::pwrite(fd, &rotten, 1, 0) == 1) {
    g_rot = false;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

TEST_CASE("an error of write-back that was waited for is not lost", "[steady]") {
  const World w;
  const Fd fd{::open((w / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  REQUIRE(fd);
  durable::SteadyWriter writer(fd.get());
  const std::string window(32U << 20U, 'x');
  REQUIRE(writer.write(window) == 0);
  const int lost = GENERATE(EIO, ENOSPC, EDQUOT);
  g_lose = lost;
  g_sync_waited = 0;
  CHECK(writer.write(window) == lost);
  CHECK(g_sync_waited == 1);
  CHECK(writer.write("more") == lost);
  CHECK(writer.finish() == lost);
}

TEST_CASE("a file system that knows no write-back on request is no error", "[steady]") {
  const World w;
  const Fd fd{::open((w / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  REQUIRE(fd);
  durable::SteadyWriter writer(fd.get());
  g_lose = EINVAL;
  CHECK(writer.write(std::string(70U << 20U, 'x')) == 0);
  CHECK(writer.finish() == 0);
  g_lose = 0;
}

TEST_CASE("what was restored and is not what was stored does not take its place", "[steady]") {
  World w;
  (void)World::ask_well(w.begin_request());
  (void)w.save("a.pt", 1, "first");
  std::filesystem::remove(w.ckpt() + "/a.pt");
  const Json request{
      {"op", "resume"},
      {"ckpt_dir", w.ckpt()},
      {"candidates",
       {{{"path", nullptr}, {"manifest", nullptr}, {"durable_path", w.checkpoint_dir(1)}}}}};
  g_rot = true;
  const auto reply = World::ask(request);
  INFO(reply.dump());
  CHECK_FALSE(g_rot);
  CHECK(reply["ok"] == false);
  CHECK_FALSE(std::filesystem::exists(w.ckpt() + "/a.pt"));
  CHECK(World::ask_well(request)["from"] == "durable");
}
