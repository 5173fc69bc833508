// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/manifest.h"

#include "daemon/durable/sha256.h"
#include "tests/support/catch.h"

#include <functional>
#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::durable;

namespace {

const std::string k_hash(64, 'a');

Manifest sample() {
  Manifest m{"job1", 2, "s1", 3, "/ckpt/c-\xff", "notify", 500, 17, "c-\xff", true, {}, {}};
  m.dirs = {"c-\xff", "c-\xff/sub"};
  m.files = {{"c-\xff/a", 5, k_hash, 0644}, {"c-\xff/sub/b", 0, k_hash, 0600}};
  return m;
}

Manifest single() {
  Manifest m = sample();
  m.name = "a.pt";
  m.is_dir = false;
  m.dirs.clear();
  m.files = {{"a.pt", 5, k_hash, 0644}};
  m.step.reset();
  return m;
}

} // namespace

TEST_CASE("SHA-256 of known texts", "[sha256]") {
  Sha256 hash;
  CHECK(hash.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash.update("ab");
  hash.update("c");
  CHECK(hash.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a manifest comes back", "[manifest]") {
  CHECK(decode_manifest(encode(sample())).value() == sample());
  CHECK(decode_manifest(encode(single())).value() == single());
  CHECK(sample().bytes() == 5);
  auto full = sample();
  full.took = {1.5, std::nullopt, 0.25};
  full.files[0].at = "attempts/1-s0/checkpoints/2/data/c-\xfe/b";
  CHECK(decode_manifest(encode(full)).value() == full);
  CHECK(same_content(full, sample()));
  CHECK_FALSE(full.took.secure_s());
  auto other = sample();
  other.seq = 9;
  other.source = "/elsewhere/c";
  CHECK(same_content(sample(), other));
  other.files[0].size = 6;
  CHECK_FALSE(same_content(sample(), other));
}

TEST_CASE("a manifest that leads out of its directory is refused", "[manifest]") {
  for (const std::string& path :
       {std::string("../a.pt"), std::string("/etc/passwd"), std::string("a.pt/../../x"),
        std::string("a.pt/./x"), std::string("a.pt//x"), std::string("a.pt/"), std::string("b.pt"),
        std::string(), std::string("a.pt/x\0y", 8)}) {
    auto m = single();
    m.is_dir = true;
    m.files[0].path = path;
    INFO(path);
    CHECK_FALSE(decode_manifest(encode(m)));
    m.files[0].path = "a.pt/x";
    REQUIRE(decode_manifest(encode(m)));
    m.dirs = {path};
    CHECK_FALSE(decode_manifest(encode(m)));
  }
  for (const auto* name : {"..", ".", "", "a/b", "/"}) {
    auto m = single();
    m.name = m.files[0].path = name;
    CHECK_FALSE(decode_manifest(encode(m)));
  }
}

TEST_CASE("a file lies in a checkpoint of the same job, or nowhere", "[manifest]") {
  for (const std::string& at :
       {std::string("attempts/1-s0/checkpoints/2/data"), std::string("/etc/passwd"),
        std::string("attempts/1-s0/checkpoints/2/data/../x"),
        std::string("attempts/../checkpoints/2/data/x"),
        std::string("attempts/1-s0/checkpoints/2.partial/data/x"),
        std::string("attempts/1-s0/checkpoints/02/data/x"),
        std::string("attempts/1-s0/checkpoints/2/manifest.json"),
        std::string("attempts/1-s0/spec.json"), std::string("attempts/1-s0/checkpoints/2/data/"),
        std::string("../job2/attempts/1-s0/checkpoints/2/data/x")}) {
    auto m = sample();
    m.files[0].at = at;
    INFO(at);
    CHECK_FALSE(decode_manifest(encode(m)));
  }
  auto j = nlohmann::json::parse(encode(sample()));
  j["took"] = {{"save_s", -1}};
  CHECK_FALSE(decode_manifest(j.dump()));
}

TEST_CASE("a manifest that is torn or strange is refused", "[manifest]") {
  const auto text = encode(sample());
  for (std::size_t n = 0; n + 2 < text.size(); ++n) {
    REQUIRE_FALSE(decode_manifest(text.substr(0, n)));
  }
  using Change = std::function<void(nlohmann::json&)>;
  for (const auto& change : std::vector<Change>{
           [](auto& j) { j["v"] = 3; }, [](auto& j) { j["job"] = "../x"; },
           [](auto& j) { j["session"] = ""; }, [](auto& j) { j["attempt"] = 0; },
           [](auto& j) { j["attempt"] = 1LL << 40; }, [](auto& j) { j["seq"] = -1; },
           [](auto& j) { j["files"] = nlohmann::json::array(); },
           [](auto& j) { j["files"][0]["size"] = -1; },
           [](auto& j) { j["files"][0]["mode"] = 4095; },
           [](auto& j) { j["files"][0]["sha256"] = "abc"; }, [](auto& j) { j["files"][1] = 5; },
           [](auto& j) { j["files"][1] = j["files"][0]; }, [](auto& j) { j["is_dir"] = false; },
           [](auto& j) { j.erase("dirs"); }, [](auto& j) { j["at_ns"] = 1.5; },
           [](auto& j) { j["at_ns"] = -1; }, [](auto& j) { j["seq"] = 1LL << 31; },
           [](auto& j) { j["attempt"] = 2147483647; }}) {
    auto j = nlohmann::json::parse(text);
    change(j);
    INFO(j.dump());
    CHECK_FALSE(decode_manifest(j.dump()));
  }
}
