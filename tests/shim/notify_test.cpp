// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/notify.h"
#include "tests/support/catch.h"

#include <string>

using namespace gpujob;
using namespace std::chrono_literals;
using namespace std::string_literals;
using shim::Notice;
using shim::parse_notice;

TEST_CASE("Every key that is honoured is read from one datagram") {
  const auto n = parse_notice("READY=1\nSTATUS=epoch 3\nSTOPPING=1\nEXTEND_TIMEOUT_USEC=2500000\n"
                              "X_GPUJOB_CHECKPOINT=/c/step-5\nX_GPUJOB_STEP=5\n"
                              "X_GPUJOB_PROGRESS=0.25\nX_GPUJOB_DONE=1\n");
  CHECK(n.ready);
  CHECK(n.stopping);
  CHECK(n.done);
  CHECK(n.status == "epoch 3");
  CHECK(n.extend == 2500ms);
  CHECK(n.checkpoint == "/c/step-5");
  CHECK(n.step == 5);
  CHECK(n.progress == 0.25);
}

TEST_CASE("The last line needs no newline, and a value may hold an equals sign") {
  CHECK(parse_notice("STATUS=loss=0.5").status == "loss=0.5");
}

TEST_CASE("Keys of other managers and garbage say nothing") {
  for (const auto& text :
       {""s, "\n\n"s, "MAINPID=1\nWATCHDOG=1\nFDSTORE=1\nBARRIER=1"s, "=1"s, "READY"s, "READY=0"s,
        "ready=1"s, "\0\0\0"s, "READY=1\0"s, "\xff\xfe=\x80"s, std::string(65536, '=')}) {
    CAPTURE(text);
    CHECK(parse_notice(text) == Notice{});
  }
}

TEST_CASE("A progress that is no fraction is left out") {
  for (const auto* text : {"nan", "inf", "-0.1", "1.1", "", "0.5x", "1e400", "0x1p-1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_notice("X_GPUJOB_PROGRESS="s + text).progress);
  }
  CHECK(parse_notice("X_GPUJOB_PROGRESS=0").progress == 0.0);
  CHECK(parse_notice("X_GPUJOB_PROGRESS=1").progress == 1.0);
}

TEST_CASE("An extension that is no number is left out, a huge one does not overflow") {
  CHECK_FALSE(parse_notice("EXTEND_TIMEOUT_USEC=-5").extend);
  CHECK_FALSE(parse_notice("EXTEND_TIMEOUT_USEC=soon").extend);
  CHECK_FALSE(parse_notice("EXTEND_TIMEOUT_USEC=99999999999999999999").extend);
  CHECK(parse_notice("EXTEND_TIMEOUT_USEC=9223372036854775807").extend > 24h);
}

TEST_CASE("A checkpoint path may be empty, and holds neither NUL nor more than a path can") {
  CHECK(parse_notice("X_GPUJOB_CHECKPOINT=").checkpoint == "");
  CHECK_FALSE(parse_notice("X_GPUJOB_CHECKPOINT=/a\0b"s).checkpoint);
  CHECK_FALSE(parse_notice("X_GPUJOB_CHECKPOINT=/" + std::string(5000, 'a')).checkpoint);
  CHECK(parse_notice("X_GPUJOB_CHECKPOINT=/a b\xff").checkpoint == "/a b\xff");
}

TEST_CASE("A long status is cut so that its record fits a frame") {
  CHECK(parse_notice("STATUS=" + std::string(60000, '\x01')).status->size() == 1024);
}
