// SPDX-License-Identifier: Apache-2.0
#include "client/top/gpus.h"
#include "client/top/log_lines.h"
#include "client/top/screen.h"
#include "client/top/text.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::client::top;

namespace {

constexpr Glyphs k_ascii{false}, k_utf8{true};

} // namespace

TEST_CASE("top: a chart shows the largest of each column, and nothing where nothing is known") {
  Gpu gpu;
  gpu.memory_total = 100;
  gpu.points = {{1000, 1, 10, 50}, {1001, 1, 90, 50}, {1002, 1, std::nullopt, std::nullopt}};
  const auto use = use_of(gpu, 1599, 60);
  REQUIRE(use.size() == 60);
  CHECK(use[0] == 0.9);
  CHECK_FALSE(use[10]);
  CHECK(memory_of(gpu, 1599, 60)[0] == 0.5);
  gpu.points = {{1590, 1, 0, 0}};
  CHECK(use_of(gpu, 1599, 60)[59] == 0.0);
  CHECK_FALSE(use_of(gpu, 1700, 60)[59]);
  CHECK(use_of(gpu, 1599, 0).empty());
}

TEST_CASE("top: charts are drawn in as many rows as there are") {
  const Values values{0.0, 0.5, 1.0, std::nullopt};
  CHECK(chart(values, 1, k_utf8) == std::vector<std::string>{"▁▄█ "});
  CHECK(chart(values, 2, k_utf8) == std::vector<std::string>{"  █ ", "▁██ "});
  CHECK(chart(values, 1, k_ascii) == std::vector<std::string>{"_-# "});
  CHECK(k_ascii.bar(0.5, 12) == "[#####-----]");
  CHECK(k_utf8.bar(0.5, 4) == "██░░");
  CHECK(k_utf8.bar(std::nullopt, 4) == "    ");
  CHECK(k_utf8.bar(7, 4) == "████");
}

TEST_CASE("top: text is measured and cut in columns of the terminal") {
  CHECK(columns("abc") == 3);
  CHECK(columns("日本") == 4);
  CHECK(columns("e\xcc\x81") == 1);
  CHECK(k_utf8.cut("日本語", 5) == "日本…");
  CHECK(k_utf8.cut("日本語", 4) == "日…");
  CHECK(k_ascii.cut("abcdef", 4) == "abc~");
  CHECK(k_ascii.shown("日é") == "???");
  CHECK(k_ascii.padded("ab", 4) == "ab  ");
  CHECK(wrapped("abcde", 2) == std::vector<std::string>{"ab", "cd", "e"});
  CHECK(wrapped("日", 1) == std::vector<std::string>{"日"});
  CHECK(wrapped("", 5) == std::vector<std::string>{""});
}

TEST_CASE("top: the end of a log is its last whole lines") {
  CHECK(last_lines("a\nb\n", false) == std::vector<std::string>{"a", "b"});
  CHECK(last_lines("half\nb\nc", true) == std::vector<std::string>{"b", "c"});
  CHECK(last_lines(std::string(9, '\0') + "half\nb\n", false) == std::vector<std::string>{"b"});
  CHECK(last_lines("", false).empty());
  CHECK(log_text("\x1b[1;32mgreen\x1b[0m\tx") == "green   x");
  CHECK(log_text(" 10 %\r 20 %\r") == " 20 %");
  CHECK(log_text("\x1b[") == "");
}

TEST_CASE("top: whether the terminal takes UTF-8 is read as the C library reads it") {
  CHECK(speaks_utf8({"LANG=en_US.UTF-8"}));
  CHECK(speaks_utf8({"LC_CTYPE=C.utf8", "LANG=C"}));
  CHECK_FALSE(speaks_utf8({"LC_ALL=C", "LANG=en_US.UTF-8"}));
  CHECK_FALSE(speaks_utf8({}));
}
