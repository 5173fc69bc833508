// SPDX-License-Identifier: Apache-2.0
#include "common/gpu_request.h"

#include "tests/support/catch.h"

using namespace gpujob;

namespace {

using Kind = GpuRequest::Kind;
using Names = std::vector<std::string>;

GpuRequest read(const std::string& text) {
  const auto r = parse_gpu_request(text, "run: --gpus");
  INFO(text);
  REQUIRE(r);
  return *r;
}

} // namespace

TEST_CASE("GPUs are asked for by number or by name", "[gpu_request]") {
  CHECK(read("2") == GpuRequest{Kind::count, 2, {}});
  CHECK(read("0") == read("none"));
  CHECK(read("00") == read("none"));
  CHECK(read("none").kind == Kind::none);
  CHECK(read("all").kind == Kind::all);
  CHECK(read("0,2") == GpuRequest{Kind::named, 0, {"0", "2"}});
  CHECK(read("device=1").names == Names{"1"});
  CHECK(read("0,").names == Names{"0"}); // one of a list that has no second
  CHECK(read("device=0:1,0:2").names == Names{"0:1", "0:2"});
  CHECK(read("GPU-5f1c").names == Names{"GPU-5f1c"});
  CHECK(read("0,MIG-a100/3/0").names == Names{"0", "MIG-a100/3/0"});
}

TEST_CASE("what cannot be meant is refused, and says how to write it", "[gpu_request]") {
  for (const auto* text : {"",
                           ",",
                           ",0",
                           "0,,1",
                           "-1",
                           "65",
                           "99999999999999999999",
                           "1.5",
                           "two",
                           "two gpus",
                           "device=",
                           "0;1",
                           "0,GPU-$(reboot)",
                           "GPU-a,GPU-a",
                           "0:",
                           ":1",
                           "0:1:2",
                           "all,0 ",
                           "\x1b[2J",
                           "99999,1"}) {
    const auto r = parse_gpu_request(text, "run: --gpus");
    INFO(text);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Errc::usage);
    CHECK(r.error().text.starts_with("run: --gpus: "));
    CHECK(r.error().text.find('\x1b') == std::string::npos);
  }
  CHECK_FALSE(parse_gpu_request("GPU-" + std::string(200, 'a'), "x"));
  std::string many = "0";
  for (int i = 1; i < 70; ++i) {
    many += "," + std::to_string(i);
  }
  CHECK_FALSE(parse_gpu_request(many, "x"));
}
