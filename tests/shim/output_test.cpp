// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "daemon/shim/output.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <string>
#include <sys/stat.h>

using namespace gpujob;
using namespace std::string_literals;
using shim::sentinel_path;
using Paths = std::vector<std::string>;

TEST_CASE("Two kinds of line are sentinels, as whole lines only") {
  CHECK(sentinel_path("gpujob: checkpoint /c/a b.pt") == "/c/a b.pt");
  CHECK(sentinel_path("gpujob: checkpoint /c/a\r") == "/c/a");
  CHECK(sentinel_path("jobd-checkpoint-complete") == "");
  for (const auto& line :
       {""s, " gpujob: checkpoint /c"s, "gpujob: checkpoint"s, "gpujob: checkpoint "s,
        "gpujob: checkpoint a\0b"s, "jobd-checkpoint-complete!"s, "x jobd-checkpoint-complete"s}) {
    CAPTURE(line);
    CHECK_FALSE(sentinel_path(line));
  }
}

TEST_CASE("A sentinel is found however the stream is cut") {
  const auto text = "step 1\ngpujob: checkpoint /c/1\nstep 2\njobd-checkpoint-complete\n"s;
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    shim::SentinelScanner scanner;
    Paths found;
    for (std::size_t i = 0; i < text.size(); i += cut) {
      for (auto& path : scanner.feed(std::string_view(text).substr(i, cut))) {
        found.push_back(path);
      }
    }
    CAPTURE(cut);
    CHECK(found == Paths{"/c/1", ""});
  }
}

TEST_CASE("An endless line is passed over, and what follows is read") {
  shim::SentinelScanner scanner;
  CHECK(scanner.feed(std::string(100000, 'x')).empty());
  CHECK(scanner.feed("gpujob: checkpoint /not/a/line\n").empty());
  CHECK(scanner.feed("gpujob: checkpoint /c\n") == Paths{"/c"});
}

TEST_CASE("A last line without its newline counts at the end") {
  shim::SentinelScanner scanner;
  CHECK(scanner.feed("gpujob: checkpoint /c").empty());
  CHECK(scanner.finish() == Paths{"/c"});
}

TEST_CASE("Far behind, the scan skips ahead and does not take a tail for a line") {
  test::TempDir temp;
  shim::Output output(temp / "output.log", 0);
  const auto fd = open_file(temp / "output.log", O_WRONLY | O_APPEND);
  REQUIRE(fd);
  REQUIRE(write_all(fd->get(), "gpujob: checkpoint /too/early\n"));
  REQUIRE(write_all(fd->get(), std::string(6 << 20, '-') + "\ngpujob: checkpoint /late\n"));
  CHECK(output.scan() == Paths{"/late"});
  CHECK(output.scan().empty());
}

TEST_CASE("A file that was cut short is read from its new start") {
  test::TempDir temp;
  shim::Output output(temp / "output.log", 0);
  output.say("something");
  CHECK(output.scan().empty());
  REQUIRE(::truncate((temp / "output.log").c_str(), 0) == 0);
  output.say("x");
  output.scan();
  REQUIRE(write_all(output.fd(), "gpujob: checkpoint /c\n"));
  CHECK(output.scan() == Paths{"/c"});
}

TEST_CASE("Above its cap the oldest part of the output gives its blocks back, the newest stays") {
  test::TempDir temp;
  const auto path = temp / "output.log";
  constexpr std::int64_t k_cap = 256 * 1024;
  shim::Output output(path, k_cap);
  std::string written;
  for (int i = 0; i < 100; ++i) {
    written += std::string(9999, static_cast<char>('a' + i % 26)) + "\n";
  }
  REQUIRE(write_all(output.fd(), written));
  output.enforce_cap();
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  CHECK(st.st_size == static_cast<off_t>(written.size()));
  CHECK(st.st_blocks * 512 <= k_cap);
  CHECK(st.st_blocks * 512 >= k_cap / 2);
  const auto text = read_file(path, 1 << 24);
  REQUIRE(text);
  CHECK(text->substr(written.size() - k_cap / 2) == written.substr(written.size() - k_cap / 2));
  CHECK(text->front() == '\0');
}
