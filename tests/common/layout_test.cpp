// SPDX-License-Identifier: Apache-2.0
#include "common/layout.h"

#include "tests/common/samples.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

using namespace gpujob;
using namespace gpujob::test;
using layout::check_complete;
using layout::Kind;

namespace {

/// "" when whole.
std::string why_incomplete(const std::string& path) {
  const auto done = check_complete(path);
  return done ? std::string() : done.error().text;
}

std::vector<std::string> names(const std::vector<layout::Candidate>& candidates) {
  std::vector<std::string> out;
  for (const auto& c : candidates) {
    out.push_back(std::filesystem::path(c.path).filename());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string signature(const std::string& dir) {
  const auto found = layout::find_candidates(dir, {});
  return found.empty() ? std::string() : found.back().signature;
}

/// No prefix of it may pass, and no single changed byte may crash.
void every_cut_is_incomplete(const std::string& path, const std::string& whole) {
  put(path, whole);
  REQUIRE(why_incomplete(path) == "");
  for (std::size_t n = 0; n < whole.size(); ++n) {
    put(path, whole.substr(0, n));
    INFO(path << " cut to " << n << " of " << whole.size());
    REQUIRE_FALSE(check_complete(path));
  }
  for (std::size_t n = 0; n < whole.size(); ++n) {
    auto damaged = whole;
    damaged[n] = static_cast<char>(~damaged[n]);
    put(path, damaged);
    (void)check_complete(path);
  }
}

} // namespace

TEST_CASE("layouts are told by name", "[layout]") {
  CHECK(layout::classify({"/x/checkpoint-500", true}) == Kind::hf_dir);
  CHECK(layout::classify({"/x/checkpoint-500/", true}) == Kind::hf_dir);
  CHECK(layout::classify({"/x/checkpoint-best", true}) == Kind::dir);
  CHECK(layout::classify({"/x/iter_0000100", true}) == Kind::megatron_dir);
  CHECK(layout::classify({"/x/iter_5", true}) == Kind::dir);
  CHECK(layout::classify({"/x/1200", true}) == Kind::orbax_dir);
  CHECK(layout::classify({"/x/hpc_ckpt_3.ckpt", false}) == Kind::torch);
  CHECK(layout::classify({"/x/last.pth", false}) == Kind::torch);
  CHECK(layout::classify({"/x/a.npz", false}) == Kind::zip);
  CHECK(layout::classify({"/x/a.safetensors", false}) == Kind::safetensors);
  CHECK(layout::classify({"/x/latest.weights.h5", false}) == Kind::hdf5);
  CHECK(layout::classify({"/x/state.bin", false}) == Kind::file);
  CHECK(layout::classify({"/x/state.json", false}) == Kind::weak_file);
  CHECK(layout::classify({"/x/train.log", false}) == Kind::side_file);
  CHECK(layout::classify({"/x/a.pt.tmp", false}) == Kind::temporary);
  CHECK(layout::to_text(Kind::temporary) == "temporary");
  CHECK(layout::to_text(Kind::dir) == "dir");
}

TEST_CASE("names that say not finished", "[layout]") {
  for (const auto* name :
       {"a.tmp", "a.pt.partial", "a.part", ".a.pt.swp", "a.incomplete", "a.tmp.123", ".hidden",
        "100.orbax-checkpoint-tmp-17", "100.orbax-checkpoint-tmp", "a.tmp-5", "tmp-checkpoint-500",
        "last.pt.stale-1", ""}) {
    INFO(name);
    CHECK(layout::is_temporary_name(name));
  }
  for (const auto* name :
       {"a.pt", "temperature.pt", "checkpoint-5", "stale-1", "a.stale-x", "tmp"}) {
    INFO(name);
    CHECK_FALSE(layout::is_temporary_name(name));
  }
}

TEST_CASE("a zip is whole when its directory reads", "[layout]") {
  const TempDir dir;
  every_cut_is_incomplete(dir / "a.pt", torch_file());
  every_cut_is_incomplete(dir / "b.npz", make_zip({{"w.npy", "123"}}, "a comment"));
  every_cut_is_incomplete(dir / "c.ckpt", make_zip({{"w", "123"}, {"v", "4"}}, "", true));

  put(dir / "d.pt", make_zip({{"w", "1"}}, std::string(65535, 'c')));
  CHECK(why_incomplete(dir / "d.pt") == "");
  put(dir / "e.pt", make_zip({{"w", "1"}}, "PK\5\6 in the comment"));
  CHECK(why_incomplete(dir / "e.pt") == "");
  put(dir / "f.pt", make_zip({}));
  CHECK(why_incomplete(dir / "f.pt").find("neither a zip nor a pickle") != std::string::npos);
  put(dir / "g.npz", make_zip({}));
  CHECK(why_incomplete(dir / "g.npz").find("empty") != std::string::npos);
  put(dir / "h.pt", torch_file() + "torn tail of a longer one");
  CHECK(why_incomplete(dir / "h.pt").find("the zip's end is missing") != std::string::npos);
}

TEST_CASE("an old pickle under a torch name is whole when it is there", "[layout]") {
  const TempDir dir;
  put(dir / "old.pth", "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.");
  CHECK(why_incomplete(dir / "old.pth") == "");
  put(dir / "text.pth", "hello");
  CHECK_FALSE(check_complete(dir / "text.pth"));
  put(dir / "empty.pth", "");
  CHECK(why_incomplete(dir / "empty.pth").find("it is empty") != std::string::npos);
}

TEST_CASE("safetensors: header and data must agree", "[layout]") {
  const TempDir dir;
  every_cut_is_incomplete(dir / "a.safetensors", safetensors_file());
  put(dir / "b.safetensors", safetensors_file() + "x");
  CHECK(why_incomplete(dir / "b.safetensors").find("17 bytes of data, its header says 16") !=
        std::string::npos);
  put(dir / "c.safetensors", little_endian(~0ULL, 8) + "{}");
  CHECK_FALSE(check_complete(dir / "c.safetensors"));
  const auto brackets = std::string(200000, '[');
  put(dir / "d.safetensors", little_endian(brackets.size(), 8) + brackets);
  CHECK_FALSE(check_complete(dir / "d.safetensors"));
  const std::string negative = R"({"w":{"data_offsets":[0,-5]}})";
  put(dir / "e.safetensors", little_endian(negative.size(), 8) + negative);
  CHECK_FALSE(check_complete(dir / "e.safetensors"));
}

TEST_CASE("HDF5: signature and recorded length", "[layout]") {
  const TempDir dir;
  every_cut_is_incomplete(dir / "a.weights.h5", hdf5_file(300));
  put(dir / "b.h5", std::string(512, '\0') + hdf5_file());
  CHECK(why_incomplete(dir / "b.h5") == "");
  put(dir / "c.h5", std::string(4096, 'x'));
  CHECK(why_incomplete(dir / "c.h5").find("no HDF5 signature") != std::string::npos);
  auto open_for_writing = std::string("\x89HDF\r\n\x1a\n\x03\x08\x08\x01", 12);
  open_for_writing.resize(200, '\0');
  put(dir / "d.h5", open_for_writing);
  CHECK(why_incomplete(dir / "d.h5").find("still open") != std::string::npos);
}

TEST_CASE("any other file is whole when it is not empty", "[layout]") {
  const TempDir dir;
  put(dir / "state.bin", "x");
  CHECK(why_incomplete(dir / "state.bin") == "");
  put(dir / "state.pkl", "");
  CHECK_FALSE(check_complete(dir / "state.pkl"));
  CHECK(check_complete(dir / "nothing").error().code == Errc::not_found);
  put(dir / "pytorch_model.bin", torch_file().substr(0, 40));
  CHECK_FALSE(check_complete(dir / "pytorch_model.bin"));
}

TEST_CASE("a Hugging Face checkpoint needs its trainer state", "[layout]") {
  const TempDir dir;
  const auto c = dir / "checkpoint-5";
  put_hf(c);
  CHECK(why_incomplete(c) == "");
  CHECK(why_incomplete(c + "/") == "");

  SECTION("marked incomplete") {
    put(c + "/checkpoint-is-incomplete.txt", "");
    CHECK_FALSE(check_complete(c));
  }
  SECTION("no trainer state yet") {
    std::filesystem::remove(c + "/trainer_state.json");
    CHECK(why_incomplete(c).find("trainer_state.json") != std::string::npos);
  }
  SECTION("trainer state cut off") {
    put(c + "/trainer_state.json", "{\"log_history\": [{");
    CHECK_FALSE(check_complete(c));
  }
  SECTION("a torn member") {
    put(c + "/optimizer.pt", torch_file().substr(0, 60));
    CHECK(why_incomplete(c).find("optimizer.pt") != std::string::npos);
  }
  SECTION("a temporary file in it") {
    put(c + "/model.safetensors.tmp", "x");
    CHECK_FALSE(check_complete(c));
  }
  SECTION("empty markers are fine, an empty tensor file is not") {
    put(c + "/SUCCESS", "");
    CHECK(why_incomplete(c) == "");
    put(c + "/scheduler.pt", "");
    CHECK_FALSE(check_complete(c));
  }
  SECTION("an index that names a shard which is not there") {
    put(c + "/model.safetensors.index.json", R"({"weight_map": {"w": "model.safetensors"}})");
    CHECK(why_incomplete(c) == "");
    put(c + "/model.safetensors.index.json", R"({"weight_map": {"w": "model-2.safetensors"}})");
    CHECK(why_incomplete(c).find("model-2.safetensors") != std::string::npos);
    put(c + "/model.safetensors.index.json", R"({"weight_map": {"w": 7}})");
    CHECK_FALSE(check_complete(c));
  }
}

TEST_CASE("a Megatron iteration counts when the tracker names it", "[layout]") {
  const TempDir dir;
  const auto c = dir / "iter_0000200";
  put(c + "/mp_rank_00/model_optim_rng.pt", torch_file());
  CHECK_FALSE(check_complete(c));
  put(dir / "latest_checkpointed_iteration.txt", "100");
  CHECK_FALSE(check_complete(c));
  put(dir / "latest_checkpointed_iteration.txt", "200\n");
  CHECK(why_incomplete(c) == "");
  put(dir / "latest_checkpointed_iteration.txt", "release");
  CHECK_FALSE(check_complete(c));
}

TEST_CASE("Orbax, distributed and own directories", "[layout]") {
  const TempDir dir;
  put(dir / "100/default/d/abc", "x");
  put(dir / "100/default/.zarray", "{}");
  CHECK(why_incomplete(dir / "100") == "");
  put(dir / "200/default.orbax-checkpoint-tmp-1/d", "x");
  CHECK_FALSE(check_complete(dir / "200"));
  CHECK_FALSE(check_complete(dir / "300.orbax-checkpoint-tmp-7"));

  put(dir / "dcp/__0_0.distcp", "x");
  CHECK(why_incomplete(dir / "dcp").find(".metadata") != std::string::npos);
  put(dir / "dcp/.metadata", "x");
  CHECK(why_incomplete(dir / "dcp") == "");

  std::filesystem::create_directories(dir / "none");
  CHECK_FALSE(check_complete(dir / "none"));
  put(dir / "none/marker", "");
  CHECK_FALSE(check_complete(dir / "none"));
}

TEST_CASE("links, loops, pipes and sockets are answers", "[layout]") {
  const TempDir dir;
  put(dir / "real.pt", torch_file());
  std::filesystem::create_symlink(dir / "real.pt", dir / "last.pt");
  CHECK(why_incomplete(dir / "last.pt") == "");

  std::filesystem::create_symlink(dir / "loop", dir / "loop");
  CHECK_FALSE(check_complete(dir / "loop"));
  put(dir / "d/x", "x");
  std::filesystem::create_symlink("..", dir / "d/up");
  CHECK_FALSE(check_complete(dir / "d"));

  REQUIRE(::mkfifo((dir / "pipe.pt").c_str(), 0600) == 0);
  CHECK_FALSE(check_complete(dir / "pipe.pt")); // returns: nobody ever writes to it
  CHECK(names(layout::find_candidates(dir.path(), {dir / "*.pt"})) ==
        std::vector<std::string>{"d", "last.pt", "real.pt"});
  std::filesystem::remove_all(dir / "d");
  REQUIRE(::mkdir((dir / "d").c_str(), 0700) == 0);
  REQUIRE(::mkfifo((dir / "d/pipe").c_str(), 0600) == 0);
  put(dir / "d/x", "x");
  CHECK_FALSE(check_complete(dir / "d"));
}

TEST_CASE("candidates are the checkpoints, not what lies beside them", "[layout]") {
  const TempDir dir;
  CHECK(layout::find_candidates(dir.path(), {}).empty());
  CHECK(layout::find_candidates(dir / "nowhere", {"", "relative/*", dir / "[", "/none/*"}).empty());

  put(dir / "metrics.json", "{}");
  CHECK(names(layout::find_candidates(dir.path(), {})) == std::vector<std::string>{"metrics.json"});

  put_hf(dir / "checkpoint-5");
  put(dir / "last.ckpt", torch_file());
  put(dir / "last.ckpt.tmp.17", "x");
  put(dir / "latest", "x");
  put(dir / "train.log", "x");
  put(dir / "events.out.tfevents.17.host", "x");
  put(dir / "out/checkpoint-7/trainer_state.json", "{}");
  put(dir / "out/config.json", "{}");
  put(dir / "own/part-0", "x");
  const auto all = layout::find_candidates(dir.path() + "/", {dir / "last.*", dir / "met*"});
  CHECK(names(all) == std::vector<std::string>{"checkpoint-5", "checkpoint-7", "last.ckpt",
                                               "metrics.json", "own"});
  for (const auto& c : all) {
    CHECK(c.bytes > 0);
    CHECK(c.path.find("//") == std::string::npos);
  }
}

TEST_CASE("candidates come oldest first", "[layout]") {
  const TempDir dir;
  for (int i = 1; i <= 3; ++i) {
    const auto path = dir / (std::to_string(4 - i) + ".pt");
    put(path, torch_file());
    const timespec times[2] = {{1000 + i, 5}, {1000 + i, 5}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  }
  const auto found = layout::find_candidates(dir.path(), {});
  REQUIRE(found.size() == 3);
  CHECK(found[0].path == dir / "3.pt");
  CHECK(found[2].path == dir / "1.pt");
  CHECK(to_ns(found[2].newest_mtime) == 1003000000005);
}

TEST_CASE("a signature changes with every change", "[layout]") {
  const TempDir dir;
  const auto c = dir / "own";
  put(c + "/a", "1");
  const auto first = signature(dir.path());
  REQUIRE(first != "");
  CHECK(signature(dir.path()) == first);
  put(c + "/b", "");
  const auto second = signature(dir.path());
  CHECK(second != first);
  put(c + "/a", "12");
  const auto third = signature(dir.path());
  CHECK(third != second);
  put(dir / "new", "12");
  REQUIRE(::rename((dir / "new").c_str(), (c + "/a").c_str()) == 0);
  const auto fourth = signature(dir.path());
  CHECK(fourth != third);
  std::filesystem::create_directories(c + "/empty");
  CHECK(signature(dir.path()) != fourth);
}

TEST_CASE("what cannot be read is an error in words", "[layout]") {
  if (::geteuid() == 0) {
    SUCCEED("root reads everything");
    return;
  }
  const TempDir dir;
  put(dir / "c/a.pt", torch_file());
  ::chmod((dir / "c/a.pt").c_str(), 0);
  CHECK(check_complete(dir / "c").error().code == Errc::io);
  ::chmod((dir / "c").c_str(), 0);
  CHECK_FALSE(check_complete(dir / "c"));
  ::chmod((dir / "c").c_str(), 0700);
}

TEST_CASE("random bytes under every known name crash nothing", "[layout]") {
  const TempDir dir;
  std::mt19937 random(17);
  for (int round = 0; round < 300; ++round) {
    std::string bytes(random() % 400, '\0');
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
    for (const std::string head : {"", "PK\3\4", "\x89HDF\r\n\x1a\n"}) {
      for (const auto* name : {"a.pt", "a.npz", "a.safetensors", "a.h5", "a.bin"}) {
        put(dir / name, head + bytes + (head == "PK\3\4" ? "PK\5\6" + bytes.substr(0, 18) : ""));
        (void)check_complete(dir / name);
      }
    }
  }
}
