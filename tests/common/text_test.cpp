// SPDX-License-Identifier: Apache-2.0
#include "common/text.h"

#include "common/base64.h"
#include "common/duration.h"
#include "common/frame.h"
#include "common/id.h"
#include "tests/support/catch.h"

#include <set>

using namespace gpujob;
using namespace std::chrono_literals;

TEST_CASE("frames come whole, whatever the pieces", "[frame]") {
  FrameReader reader;
  CHECK_FALSE(reader.next());
  const std::string stream = "one\n\ntwo three\nhal";
  std::vector<std::string> got;
  for (const char c : stream) {
    REQUIRE(reader.feed(std::string_view(&c, 1)));
    while (auto frame = reader.next()) {
      got.push_back(*frame);
    }
  }
  CHECK(got == std::vector<std::string>{"one", "", "two three"});
  CHECK(reader.pending() == 3);
  REQUIRE(reader.feed("f\n"));
  CHECK(reader.next() == "half");
  CHECK(reader.pending() == 0);
}

TEST_CASE("many frames in one piece", "[frame]") {
  FrameReader reader;
  std::string stream;
  for (int i = 0; i < 5000; ++i) {
    stream += std::to_string(i) + "\n";
  }
  REQUIRE(reader.feed(stream));
  for (int i = 0; i < 5000; ++i) {
    REQUIRE(reader.next() == std::to_string(i));
  }
  CHECK_FALSE(reader.next());
}

TEST_CASE("a frame above the cap is refused, one at the cap is not", "[frame]") {
  FrameReader exact;
  REQUIRE(exact.feed(std::string(k_max_frame - 1, 'x') + "\n"));
  CHECK(exact.next()->size() == k_max_frame - 1);

  FrameReader with_end;
  CHECK_FALSE(with_end.feed(std::string(k_max_frame, 'x') + "\n"));

  FrameReader endless;
  REQUIRE(endless.feed(std::string(k_max_frame - 1, 'x')));
  CHECK_FALSE(endless.feed("x"));

  FrameReader second;
  CHECK_FALSE(second.feed("ok\n" + std::string(k_max_frame, 'x')));
}

TEST_CASE("durations as people write them", "[duration]") {
  CHECK(parse_duration("9h", "x").value() == 9h);
  CHECK(parse_duration("1h30m", "x").value() == 90min);
  CHECK(parse_duration(" 1h 30m ", "x").value() == 90min);
  CHECK(parse_duration("40s", "x").value() == 40s);
  CHECK(parse_duration("2.5h", "x").value() == 150min);
  CHECK(parse_duration("250ms", "x").value() == 250ms);
  CHECK(parse_duration("1d", "x").value() == 24h);
  CHECK(parse_duration("90", "x").value() == 90s);
  CHECK(parse_duration("0", "x").value() == 0s);
  for (const auto* bad : {"", " ", "-1h", "1x", "h", "1e9", "nan", "inf", "1h-3m", "99999999d",
                          "+5", "0x10", "1..5h", "1 h", "\x00"}) {
    INFO("'" << bad << "'");
    const auto d = parse_duration(bad, "--limit");
    REQUIRE_FALSE(d);
    CHECK(d.error().code == Errc::usage);
    CHECK(d.error().text.starts_with("--limit: "));
  }
}

TEST_CASE("durations for people", "[duration]") {
  CHECK(format_duration(9500ms) == "9.5s");
  CHECK(format_duration(9960ms) == "10s");
  CHECK(format_duration(59600ms) == "1m 00s");
  CHECK(format_duration(271s) == "4m 31s");
  CHECK(format_duration(125min) == "2h 05m");
  CHECK(format_duration(-125min) == "-2h 05m");
  CHECK(format_duration(50h) == "2d 2h");
  CHECK(format_duration(0s) == "0.0s");
}

TEST_CASE("any number of seconds reads like a duration", "[duration]") {
  CHECK(format_duration(Duration::max()) == "106751d 23h");
  CHECK(format_duration(Duration::min()) == "-106751d 23h");
  CHECK(format_seconds(-90) == "-1m 30s");
  CHECK(format_seconds(1e300) == format_seconds(1e15));
  CHECK(format_seconds(-1e300) == "-" + format_seconds(1e300));
}

TEST_CASE("numbers are whole or nothing", "[text]") {
  CHECK(parse_int("17") == 17);
  CHECK(parse_int("-3") == -3);
  for (const auto* bad : {"", " 1", "1 ", "1x", "+1", "0x1", "9223372036854775808", "1.0"}) {
    INFO(bad);
    CHECK_FALSE(parse_int(bad));
  }
}

TEST_CASE("UTF-8 is told strictly, and printed safely", "[text]") {
  CHECK(is_utf8("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"));
  for (const auto* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xff", "a\xe2\x82"}) {
    CHECK_FALSE(is_utf8(bad));
  }
  CHECK(printable("a\x1b[31m\n\xff\xc2\x9b") == "a\\x1b[31m\\x0a\\xff\\xc2\\x9b");
  CHECK(printable("caf\xc3\xa9") == "caf\xc3\xa9");
}

TEST_CASE("words as a shell takes them", "[text]") {
  CHECK(shell_words({"python", "a b", "it's", ""}) == R"(python 'a b' 'it'\''s' '')");
}

TEST_CASE("splitting and trimming", "[text]") {
  CHECK(split("a//b", '/') == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", '/').empty());
  CHECK(trim(" \t a b \r\n") == "a b");
  CHECK(trim("  ") == "");
  CHECK(format_bytes(999) == "999 B");
  CHECK(format_bytes(1500000000) == "1.5 GB");
}

TEST_CASE("base64 round trip over all lengths", "[base64]") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    const auto text = base64_encode(bytes);
    REQUIRE(text.size() % 4 == 0);
    REQUIRE(base64_decode(text) == bytes);
    bytes += static_cast<char>(i * 7);
  }
  CHECK(base64_encode("foobar") == "Zm9vYmFy");
  CHECK(base64_encode("fo") == "Zm8=");
  CHECK(base64_encode("f") == "Zg==");
}

TEST_CASE("base64 refuses what it would not write", "[base64]") {
  for (const auto* bad :
       {"A", "AA", "AAA", "====", "A===", "AA=A", "AAA*", "AA A", "Zm9v\n", "Zh=="}) {
    INFO(bad);
    CHECK_FALSE(base64_decode(bad));
  }
}

TEST_CASE("ids are ours in form, and differ", "[id]") {
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) {
    const auto id = random_id();
    REQUIRE(id.size() == 8);
    REQUIRE(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz") == std::string::npos);
    REQUIRE((id[0] >= 'a' && id[0] <= 'z'));
    seen.insert(id);
  }
  CHECK(seen.size() == 2000);
}

TEST_CASE("job names", "[id]") {
  for (const std::string& good :
       {std::string("vit"), std::string("vit-b16 fold 3"), std::string("caf\xc3\xa9"),
        std::string("..."), std::string("a.b"), std::string(100, 'x')}) {
    CHECK(check_job_name(good));
  }
  for (const std::string& bad :
       {std::string(), std::string(101, 'x'), std::string("a/b"), std::string("."),
        std::string(".."), std::string("-x"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("\xff"), std::string("a\x7f")}) {
    const auto done = check_job_name(bad);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::usage);
  }
}
