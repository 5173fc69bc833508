// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "common/socket.h"
#include "daemon/jobs/socket_sweep.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <sys/socket.h>

using namespace gpujob;

namespace {

struct Runtime {
  test::TempDir temp;
  RuntimePaths paths{temp.path()};

  void make(const std::string& job, int attempt) const {
    REQUIRE(atomic_publish(paths.link_socket(job, attempt), ""));
    REQUIRE(atomic_publish(paths.notify_socket(job, attempt), ""));
  }
  [[nodiscard]] int count(const std::string& job, int attempt) const {
    return static_cast<int>(std::filesystem::exists(paths.link_socket(job, attempt))) +
           static_cast<int>(std::filesystem::exists(paths.notify_socket(job, attempt)));
  }
};

} // namespace

TEST_CASE("sockets of attempts that have ended are removed together, later") {
  const Runtime r;
  boost::asio::io_context io;
  jobs::SocketSweep sweep(io, r.paths, std::chrono::milliseconds{20});
  r.make("a", 1);
  r.make("a", 2);
  r.make("b", 1);
  sweep.ended("a", 1);
  sweep.ended("b", 1);
  CHECK(r.count("a", 1) == 2);
  io.run(); // until its timer has fired
  CHECK(r.count("a", 1) == 0);
  CHECK(r.count("b", 1) == 0);
  CHECK(r.count("a", 2) == 2);
}

TEST_CASE("sockets that somebody listens at stay, whoever knows of them") {
  const Runtime r;
  boost::asio::io_context io;
  const jobs::SocketSweep sweep(io, r.paths);
  const auto link = listen_unix(r.paths.link_socket("a", 1), SOCK_STREAM, true);
  REQUIRE(link);
  REQUIRE(atomic_publish(r.paths.notify_socket("a", 1), ""));
  {
    const auto dead = listen_unix(r.paths.link_socket("b", 1), SOCK_STREAM, true);
    REQUIRE(dead);
  }
  sweep.sweep_all([](const std::string&, int) { return false; });
  CHECK(r.count("a", 1) == 2);
  CHECK(r.count("b", 1) == 0);
}

TEST_CASE("what an earlier daemon left is removed, what lives and what is not ours stays") {
  const Runtime r;
  boost::asio::io_context io;
  const jobs::SocketSweep sweep(io, r.paths);
  r.make("a", 1);
  r.make("a", 2);
  for (const auto* name : {"daemon.lock", "gpujobd.sock", "stopped", "x.y.link", "a.1.other"}) {
    REQUIRE(atomic_publish(r.temp / name, ""));
  }
  sweep.sweep_all([](const std::string& id, int attempt) { return id == "a" && attempt == 2; });
  CHECK(r.count("a", 1) == 0);
  CHECK(r.count("a", 2) == 2);
  for (const auto* name : {"daemon.lock", "gpujobd.sock", "stopped", "x.y.link", "a.1.other"}) {
    CHECK(std::filesystem::exists(r.temp / name));
  }
}
