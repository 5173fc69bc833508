// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/rclone.h"
#include "daemon/durable/remote.h"
#include "tests/durable/remote_world.h"

#include <cstdint>
#include <fstream>
#include <vector>

using namespace gpujob;
using namespace gpujob::test;

TEST_CASE("a line of rclone's log in JSON tells the bytes sent, another line tells none",
          "[remote]") {
  CHECK(durable::bytes_told(R"({"level":"error","msg":"\nTransferred","stats":{"bytes":1683}})") ==
        1683);
  for (const auto* other :
       {"", "{", "2026/11/22 01:00:00 ERROR : x", R"({"msg":"x"})", R"({"stats":7})",
        R"({"stats":{"bytes":-1}})", R"({"stats":{"bytes":"7"}})", R"({"stats":{}})", "[1]"}) {
    INFO(other);
    CHECK_FALSE(durable::bytes_told(other));
  }
}

TEST_CASE("of a log in JSON the last message is shown, and no statistics", "[remote]") {
  CHECK(durable::last_words(R"({"level":"error","msg":"a.pt: no space"})"
                            "\n"
                            R"({"level":"error","msg":"\nTransferred","stats":{"bytes":1}})"
                            "\n") == "a.pt: no space");
  CHECK(durable::last_words("{\"msg\": not JSON") == "{\"msg\": not JSON");
}

TEST_CASE("what rclone has sent is told while it sends, not when it is over", "[remote]") {
  World dir;
  const auto script = dir / "rclone.sh", go = dir / "go";
  put(script, "#!/bin/sh\necho '{\"stats\":{\"bytes\":100}}' >&2\n"
              "while [ ! -e " +
                  go + " ]; do :; done\necho '{\"stats\":{\"bytes\":200}}' >&2\necho done\n");
  ::chmod(script.c_str(), 0700);
  const Variable named("GPUJOB_RCLONE", script);
  std::vector<std::uint64_t> told;
  const auto done = durable::run_rclone({"copy"}, {}, [&](std::uint64_t bytes) {
    told.push_back(bytes);
    put(go, ""); // it would never end otherwise
  });
  REQUIRE(done);
  CHECK(*done == "done\n");
  CHECK(told == std::vector<std::uint64_t>{100, 200});
}

TEST_CASE("an upload tells how much it has sent", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  const RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  put(w.ckpt() + "/m/a.bin", std::string(300'000, 'a'));
  put(w.ckpt() + "/m/b.bin", std::string(200'000, 'b'));
  const durable::Remote remote(w.spool(), "r:gpujob");
  std::uint64_t last = 0;
  REQUIRE(remote.upload(w.ckpt(), {"m/a.bin", "m/b.bin"}, w.spool() + "/jobs/j/x",
                        [&](std::uint64_t bytes) { last = bytes; }));
  CHECK(last == 500'000);
  // One that fails says why, as without.
  const auto failed =
      remote.upload(w.ckpt() + "/nowhere", {"x"}, w.spool() + "/jobs/j/y", [](std::uint64_t) {});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().text.find("not found") != std::string::npos);
}
