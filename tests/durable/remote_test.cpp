// SPDX-License-Identifier: Apache-2.0
#include "common/fd.h"
#include "common/remote_name.h"
#include "daemon/durable/remote.h"
#include "tests/durable/remote_world.h"
#include "tests/support/wait.h"

#include <fstream>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace gpujob;
using namespace gpujob::test;

namespace {

bool is_hollow(const std::string& path, off_t size) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && st.st_size == size && st.st_blocks == 0;
}

/// Nobody else's a moment ago.
int free_port() {
  const Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  return ntohs(at.sin_port);
}

std::string error_of(const Json& reply) {
  return reply["durable_error"].get<std::string>();
}

} // namespace

TEST_CASE("only names of the configuration are remotes", "[remote]") {
  CHECK(remote_of("rclone:drive:gpujob/me/") == "drive:gpujob/me");
  CHECK(remote_of("rclone:my s3.eu:bucket") == "my s3.eu:bucket");
  for (const auto* bad : {"/mnt/x", "rclone:", "rclone:drive", "rclone:drive:", "rclone::webdav:x",
                          "rclone:-v:x", "rclone:webdav,pass=x:y", "rclone: a:b"}) {
    INFO(bad);
    CHECK_FALSE(remote_of(bad));
  }
}

TEST_CASE("what rclone says is shown without what addresses carry", "[remote]") {
  CHECK(durable::last_words("first\n2026/11/21 21:00:00 ERROR : a.pt: no space\n\n") ==
        "a.pt: no space");
  CHECK(durable::last_words("Get \"https://h/x?X-Amz-Signature=secret&a=b\": EOF") ==
        "Get \"https://h/x?\": EOF");
  CHECK(durable::last_words("dial https://me:secret@host/x: refused") ==
        "dial https://host/x: refused");
}

TEST_CASE("nothing is stored on a remote that takes no record of whose it is", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  put(w.ckpt() + "/a.pt", torch_file("one"));
  auto request = w.request("a.pt", 1);
  request["begin"] = w.begin_request();
  {
    const Variable refuses(
        "GPUJOB_RCLONE",
        w.script("case \"$*\" in *rcat*spec.json*) exit 1;; esac; exec \"$RCLONE\" \"$@\""));
    for (int i = 0; i < 2; ++i) { // the second time it stands in the spool
      const auto reply = World::ask_well(request);
      INFO(reply.dump());
      CHECK(reply["verified"] == true);
      CHECK(reply["durable"].is_null());
      CHECK(reply["begun"].is_null());
    }
  }
  const auto reply = World::ask_well(request);
  CHECK(reply["durable"]["level"] == "stored");
  CHECK(reply["begun"] == 1);
  CHECK(std::filesystem::exists(w.there() + "/jobs/job1/attempts/1-s1/spec.json"));
}

TEST_CASE("a checkpoint on a remote: stored there, hollow here, back on the next VM", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  CHECK(w.open()["level"] == "stored");
  w.begin();
  put(w.ckpt() + "/c/sub/b", "fourteen bytes");
  std::filesystem::create_directories(w.ckpt() + "/c/empty");
  const auto reply = w.save("c/a name with 'quotes'", 1, torch_file("one"));
  INFO(reply.dump());
  CHECK(reply["durable"]["level"] == "stored");
  CHECK(reply["durable"]["path"] == "rclone:r:gpujob" + RemoteWorld::checkpoint(1, 1));
  const auto dir = RemoteWorld::checkpoint(1, 1);
  CHECK(get(w.there() + dir + "/data/c/sub/b") == "fourteen bytes");
  CHECK(is_hollow(w.spool() + dir + "/data/c/sub/b", 14));
  CHECK(get(w.there() + dir + "/manifest.json") == get(w.spool() + dir + "/manifest.json"));

  w.next_vm();
  const auto found = w.scan();
  INFO(found.dump());
  REQUIRE(found["ok"] == true);
  CHECK(found["problems"].empty());
  const auto checkpoint = found["jobs"][0]["attempts"][0]["checkpoints"][0];
  CHECK(checkpoint["path"] == reply["durable"]["path"]);
  const auto resumed = w.resume(checkpoint["path"].get<std::string>());
  INFO(resumed.dump());
  CHECK(resumed["from"] == "durable");
  CHECK(get(w.ckpt() + "/c/a name with 'quotes'") == torch_file("one"));
  CHECK(get(w.ckpt() + "/c/sub/b") == "fourteen bytes");
  CHECK(std::filesystem::is_directory(w.ckpt() + "/c/empty"));
  CHECK(is_hollow(w.spool() + dir + "/data/c/sub/b", 14));
}

TEST_CASE("records go to a remote and come from it", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  CHECK(w.scan()["ok"] == false); // never opened: it may be away
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  const auto beat = [&](int seq, bool closed) {
    (void)World::ask_well(w.on_remote({{"op", "heartbeat"},
                                       {"session", w.session()},
                                       {"seq", seq},
                                       {"at_ns", seq * 1000},
                                       {"interval_s", 60},
                                       {"jobs", {"job1"}},
                                       {"closed", closed}}));
  };
  beat(1, false);
  beat(2, false);
  (void)World::ask_well(w.on_remote({{"op", "say"}, {"said", {{{"id", "x1"}, {"a", 1}}}}}));
  auto end =
      w.on_remote({{"op", "end"},
                   {"job", "job1"},
                   {"attempt", 1},
                   {"session", "s1"},
                   {"state", "done"},
                   {"exit", 0},
                   {"reason", ""},
                   {"at_ns", 5},
                   {"budgets", {{"interruptions", 0}, {"failures", 0}, {"no_progress", 0}}}});
  (void)World::ask_well(end);
  beat(3, true);
  CHECK_FALSE(std::filesystem::exists(w.there() + "/ledger/s1/1.json"));
  CHECK(std::filesystem::exists(w.there() + "/ledger/s1/closed.json"));
  w.next_vm();
  const auto found = w.scan();
  INFO(found.dump());
  CHECK(found["heartbeats"][0]["closed"] == true);
  CHECK(found["said"][0]["id"] == "x1");
  CHECK(found["jobs"][0]["attempts"][0]["end"]["state"] == "done");
  end["state"] = "failed"; // the VM that was taken for dead says it again: it is told anew
  end["dir"] = w / "spool1";
  (void)World::ask_well(end);
  CHECK(w.scan()["jobs"][0]["attempts"][0]["end"]["state"] == "failed");
}

TEST_CASE("on a remote each checkpoint has its own bytes, and prune removes those beyond keep",
          "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  const std::string base(5000, 'b');
  for (int seq = 1; seq <= 3; ++seq) {
    put(w.ckpt() + "/c/base", base);
    const auto reply = w.save("c/head", seq, "head " + std::to_string(seq));
    INFO(reply.dump());
    REQUIRE_FALSE(reply["durable"].is_null());
    CHECK(reply["shared"] == 0);
    CHECK(reply["pruned"] == (seq == 3 ? 1 : 0));
  }
  CHECK_FALSE(std::filesystem::exists(w.there() + RemoteWorld::checkpoint(1, 1)));
  CHECK_FALSE(std::filesystem::exists(w.spool() + RemoteWorld::checkpoint(1, 1)));
  for (int seq = 2; seq <= 3; ++seq) {
    CHECK(get(w.there() + RemoteWorld::checkpoint(seq, 1) + "/data/c/base") == base);
  }
  // The same once more is not sent at all, and what is published is not written over.
  const auto published = get(w.there() + RemoteWorld::checkpoint(3, 1) + "/manifest.json");
  CHECK(w.save("c/head", 4, "head 3")["durable"]["path"] ==
        "rclone:r:gpujob" + RemoteWorld::checkpoint(3, 1));
  CHECK(get(w.there() + RemoteWorld::checkpoint(3, 1) + "/manifest.json") == published);
  // The next VM goes on with it, and what is no longer needed goes from the remote.
  w.next_vm();
  w.begin();
  REQUIRE(w.scan()["problems"].empty());
  const auto resumed = w.resume("rclone:r:gpujob" + RemoteWorld::checkpoint(3, 1));
  CHECK(get(w.ckpt() + "/c/base") == base);
  for (int seq = 5; seq <= 6; ++seq) {
    put(w.ckpt() + "/c/base", "new");
    (void)w.save("c/head", seq, "head " + std::to_string(seq));
  }
  CHECK_FALSE(std::filesystem::exists(w.there() + RemoteWorld::checkpoint(2, 1)));
  CHECK_FALSE(std::filesystem::exists(w.there() + RemoteWorld::checkpoint(3, 1)));
  CHECK(w.scan()["problems"].empty());
}

TEST_CASE("only records are brought from a remote, whole ones, and what is known is not asked for",
          "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  (void)w.save("a.json", 1, "a checkpoint that is no record");
  put(w.there() + "/somebody/elses.json", "{}");
  w.next_vm();
  REQUIRE(w.scan()["problems"].empty());
  CHECK_FALSE(std::filesystem::exists(w.spool() + "/somebody"));
  CHECK_FALSE(std::filesystem::exists(w.spool() + ".pulled"));
  const auto asked = w / "asked";
  {
    const Variable rclone("GPUJOB_RCLONE",
                          w.script("[ \"$1\" != copy ] || for a in \"$@\"; do case $a in *.list-*) "
                                   "cat \"$a\" >> " +
                                   asked + ";; esac; done\n\"$RCLONE\" \"$@\""));
    REQUIRE(w.scan()["jobs"][0]["attempts"][0]["checkpoints"].size() == 1);
  }
  CHECK(get(asked) == "gpujob.json\n");
  {
    // Killed, or cut off, in the middle: what was here stays what it was.
    const auto manifest = w.spool() + RemoteWorld::checkpoint(1, 1) + "/manifest.json";
    const auto before = get(manifest);
    const Variable rclone("GPUJOB_RCLONE", w.script("[ \"$1\" != copy ] || exit 1\n"
                                                    "\"$RCLONE\" \"$@\""));
    CHECK(w.scan()["ok"] == false);
    CHECK(get(manifest) == before);
  }
  std::filesystem::remove_all(w.there() + RemoteWorld::checkpoint(1, 1));
  const auto found = w.scan();
  CHECK(found["problems"].empty());
  CHECK(found["jobs"][0]["attempts"][0]["checkpoints"].empty());
}

TEST_CASE("a remote that goes away is no reason to resume from what is older", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  (void)w.save("a.bin", 1, "one");
  w.next_vm();
  (void)w.scan();
  std::filesystem::rename(w.there(), w / "away");
  const auto request =
      w.on_remote({{"op", "resume"},
                   {"ckpt_dir", w.ckpt()},
                   {"candidates",
                    {{{"path", nullptr},
                      {"manifest", nullptr},
                      {"durable_path", "rclone:r:gpujob" + RemoteWorld::checkpoint(1, 1)}}}}});
  const auto reply = World::ask(request);
  INFO(reply.dump());
  CHECK(reply["ok"] == false);
  CHECK(reply["errc"] == "io");
  std::filesystem::rename(w / "away", w.there());
  CHECK(World::ask(request)["from"] == "durable");
}

TEST_CASE("two live sessions: what one prunes, the other does not need", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  const std::string base(5000, 'b');
  put(w.ckpt() + "/c/base", base);
  CHECK_FALSE(w.save("c/head", 1, "head 1")["durable"].is_null());
  // The second VM takes over, having seen checkpoint 1; the first, taken for dead, lives on.
  w.next_vm();
  (void)w.scan();
  w.begin();
  put(w.ckpt() + "/c/base", base);
  const auto taken = w.save("c/head", 2, "head 2");
  CHECK_FALSE(taken["durable"].is_null());
  const auto first = [&](int seq) {
    put(w.ckpt() + "/c/base", "base of " + std::to_string(seq));
    put(w.ckpt() + "/c/head", "x");
    auto request = w.request("c", seq);
    request["attempt"] = 1;
    request["session"] = "s1";
    request["dir"] = w / "spool1";
    return World::ask_well(request);
  };
  for (int seq = 2; seq <= 4; ++seq) {
    CHECK_FALSE(first(seq)["durable"].is_null());
  }
  CHECK_FALSE(std::filesystem::exists(w.there() + RemoteWorld::checkpoint(1, 1)));
  w.next_vm();
  (void)w.scan();
  const auto resumed = w.resume(taken["durable"]["path"].get<std::string>());
  INFO(resumed.dump());
  CHECK(resumed["from"] == "durable");
  CHECK(get(w.ckpt() + "/c/base") == base);
}

TEST_CASE("what could not be removed from a remote goes the next time", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  (void)w.save("a.bin", 1, "one");
  (void)w.save("a.bin", 2, "two");
  {
    const Variable rclone("GPUJOB_RCLONE", w.script("[ \"$1\" != purge ] || exit 1\n"
                                                    "\"$RCLONE\" \"$@\""));
    CHECK(w.save("a.bin", 3, "three")["pruned"] == 1);
  }
  CHECK(get(w.there() + RemoteWorld::checkpoint(1, 1) + "/data/a.bin") == "one");
  CHECK_FALSE(
      std::filesystem::exists(w.there() + RemoteWorld::checkpoint(1, 1) + "/manifest.json"));
  (void)w.save("a.bin", 4, "four");
  CHECK_FALSE(std::filesystem::exists(w.there() + RemoteWorld::checkpoint(1, 1)));
}

TEST_CASE("what cannot be asked of a remote is not sent over what it may have", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  CHECK_FALSE(w.save("a.bin", 1, "one")["durable"].is_null());
  const auto calls = w / "calls";
  {
    const Variable rclone("GPUJOB_RCLONE", w.script("echo $1 >> " + calls +
                                                    "\n[ \"$1\" != hashsum ] || exit 1\n"
                                                    "\"$RCLONE\" \"$@\""));
    const auto again = World::ask_well(w.request("a.bin", 1));
    INFO(again.dump());
    CHECK(again["durable"].is_null());
    CHECK(error_of(again).find("rclone hashsum") != std::string::npos);
  }
  CHECK(get(calls).find("copy") == std::string::npos);
  // What it has lost of a checkpoint is sent, and nothing else.
  put(w.ckpt() + "/c/kept", "kept");
  (void)w.save("c/lost", 2, "lost");
  const auto dir = w.there() + RemoteWorld::checkpoint(2, 1);
  const auto manifest = get(dir + "/manifest.json");
  std::filesystem::remove(dir + "/data/c/lost");
  const auto mended = World::ask_well(w.request("c", 2));
  INFO(mended.dump());
  CHECK(mended["shared"] == 4);
  CHECK(get(dir + "/data/c/lost") == "lost");
  CHECK(get(dir + "/manifest.json") == manifest);
  // Of one that another session removed no second one is made under its number.
  std::filesystem::remove_all(dir);
  CHECK(error_of(World::ask_well(w.request("c", 2))).find("next number") != std::string::npos);
}

TEST_CASE("an upload that was cut off goes on where it was, and an abandoned one goes",
          "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  put(w.ckpt() + "/c/first", "first");
  const auto second = w.there() + RemoteWorld::checkpoint(1, 1) + "/data/c/second";
  {
    const Variable rclone("GPUJOB_RCLONE", w.script("\"$RCLONE\" \"$@\"; rc=$?\n"
                                                    "[ \"$1\" = copy ] && rm " +
                                                    second + " && exit 1\nexit $rc"));
    CHECK(w.save("c/second", 1, "second")["durable"].is_null());
  }
  bool go_on = false;
  SECTION("again") {
    go_on = true;
    const auto reply = World::ask_well(w.request("c", 1));
    INFO(reply.dump());
    CHECK(reply["shared"] == 5);
    CHECK(get(second) == "second");
  }
  SECTION("never") {
    CHECK_FALSE(w.save("c/second", 2, "third")["durable"].is_null());
  }
  CHECK(std::filesystem::exists(w.there() + RemoteWorld::checkpoint(1, 1)) == go_on);
  CHECK_FALSE(std::filesystem::exists(w.spool() + RemoteWorld::checkpoint(1, 1) + ".partial"));
}

TEST_CASE("what the remote does not give back as it was sent is not stored", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  CHECK_FALSE(w.save("a.bin", 1, "good one")["durable"].is_null());
  const auto there = w.there() + RemoteWorld::checkpoint(2, 1) + "/data/a.bin";
  const auto spoil = GENERATE(as<std::string>(), "printf 'good TWO' >", "printf cut >", "rm -f");
  {
    const Variable rclone("GPUJOB_RCLONE",
                          w.script("\"$RCLONE\" \"$@\"; rc=$?\n[ \"$1\" != copy ] || " + spoil +
                                   " " + there + "\nexit $rc"));
    const auto reply = w.save("a.bin", 2, "good two");
    INFO(reply.dump());
    CHECK(reply["verified"] == true);
    CHECK(reply["durable"].is_null());
    CHECK(error_of(reply).find("1 of 1 files are not what was sent") != std::string::npos);
    CHECK_FALSE(
        std::filesystem::exists(w.there() + RemoteWorld::checkpoint(2, 1) + "/manifest.json"));
  }
  CHECK_FALSE(w.save("a.bin", 2, "good two")["durable"].is_null());
  CHECK(get(there) == "good two");
  // One that is cut short there later is no checkpoint any more; the other one is.
  put(there, "cut");
  const auto found = w.scan();
  INFO(found.dump());
  CHECK(found["jobs"][0]["attempts"][0]["checkpoints"].size() == 1);
  REQUIRE(found["problems"].size() == 1);
  CHECK(found["problems"][0].get<std::string>().find("has 3 bytes") != std::string::npos);
  // And one that rots is not given out.
  put(w.there() + RemoteWorld::checkpoint(1, 1) + "/data/a.bin", "good 0ne");
  w.next_vm();
  (void)w.scan();
  const auto resumed = w.resume("rclone:r:gpujob" + RemoteWorld::checkpoint(1, 1));
  CHECK(resumed["from"] == "none");
  CHECK_FALSE(std::filesystem::exists(w.ckpt() + "/a.bin"));
}

TEST_CASE("the user's cap holds on a remote", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  put(w.ckpt() + "/a.bin", std::string(1000, 'a'));
  auto request = w.request("a.bin", 1);
  request["cap"] = {{"cap_bytes", 5000}, {"used_bytes", 4500}};
  const auto reply = World::ask_well(request);
  CHECK(reply["verified"] == true);
  CHECK(error_of(reply).starts_with("durable: rclone:r:gpujob/: needs 1 kB, 500 B are left of"));
  CHECK_FALSE(std::filesystem::exists(w.there() + "/jobs"));
}

TEST_CASE("without rclone it is said how to get it", "[remote]") {
  RemoteWorld w;
  const Variable path("PATH", w / "nowhere");
  const auto reply = w.open();
  CHECK(reply["errc"] == "io");
  CHECK(reply["error"].get<std::string>().find("apt-get install rclone") != std::string::npos);
  const Variable named("GPUJOB_RCLONE", w / "no/rclone");
  CHECK(w.open()["error"].get<std::string>().find("$GPUJOB_RCLONE") != std::string::npos);
}

TEST_CASE("rclone ends with the helper that started it", "[remote]") {
  const RemoteWorld w;
  const auto path = w / "slow.sh", note = w / "pid";
  put(path,
      "#!/bin/sh\necho $$ > " + note + ".new; mv " + note + ".new " + note + "\nexec sleep 1000\n");
  ::chmod(path.c_str(), 0700);
  const Variable rclone("GPUJOB_RCLONE", path);
  pid_t slow = 0;
  {
    const auto helper = ::fork();
    if (helper == 0) {
      (void)w.open();
      ::_exit(0);
    }
    REQUIRE(wait_until([&] { return std::filesystem::exists(note); }));
    slow = std::stoi(get(note));
    ::kill(helper, SIGKILL);
    ::waitpid(helper, nullptr, 0);
  }
  // Somebody else's zombie by then, or gone.
  CHECK(wait_until([&] {
    std::ifstream status("/proc/" + std::to_string(slow) + "/stat");
    std::string pid, name, state;
    return !(status >> pid >> name >> state) || state == "Z";
  }));
}

TEST_CASE("kill -9 between the proof and the remote's manifest: sent again, and nothing is lost",
          "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  REQUIRE(w.open()["ok"] == true);
  w.begin();
  CHECK_FALSE(w.save("a.bin", 1, "first")["durable"].is_null());
  put(w.ckpt() + "/a.bin", "second");
  const auto at = GENERATE(as<std::string>(), "1", "2");
  const auto child = ::fork();
  if (child == 0) {
    ::setenv("GPUJOB_TEST_CRASH_AT", ("remote_step:" + at).c_str(), 1);
    ::setenv("GPUJOB_TEST_CRASH_MARK", (w / "mark").c_str(), 1);
    (void)World::ask(w.request("a.bin", 2));
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  CHECK_FALSE(
      std::filesystem::exists(w.spool() + RemoteWorld::checkpoint(2, 1) + "/manifest.json"));
  SECTION("the next helper") {
    CHECK_FALSE(World::ask_well(w.request("a.bin", 2))["durable"].is_null());
    CHECK(std::filesystem::exists(w.there() + RemoteWorld::checkpoint(2, 1) + "/manifest.json"));
  }
  SECTION("the next VM") {
    w.next_vm();
    const auto found = w.scan();
    INFO(found.dump());
    // It counts as soon as the remote has its manifest, all of it having been proven before.
    const auto stored = found["jobs"][0]["attempts"][0]["checkpoints"];
    REQUIRE(stored.size() == (at == "1" ? 1 : 2));
    CHECK(w.resume(stored.back()["path"].get<std::string>())["from"] == "durable");
    CHECK(get(w.ckpt() + "/a.bin") == (at == "1" ? "first" : "second"));
  }
}

TEST_CASE("a server that goes away in the middle loses nothing, and it is said", "[remote]") {
  if (!has_rclone()) {
    return;
  }
  RemoteWorld w;
  const auto port = free_port();
  const auto address = "127.0.0.1:" + std::to_string(port);
  std::filesystem::create_directories(w / "remote");
  const std::vector<std::string> serve{
      *durable::find_rclone(), "serve", "webdav", w / "remote", "--addr", address,
      "--log-level",           "ERROR"};
  auto server = std::make_unique<Child>(serve);
  w.configure("[r]\ntype = webdav\nvendor = other\nurl = http://" + address + "\n");
  REQUIRE(wait_until([&] { return w.open()["ok"] == true; }));
  w.begin();
  CHECK_FALSE(w.save("a.bin", 1, "first")["durable"].is_null());
  {
    // It dies after the upload and before the proof.
    const Variable rclone("GPUJOB_RCLONE",
                          w.script("\"$RCLONE\" \"$@\"; rc=$?\n[ \"$1\" != copy ] || kill -9 " +
                                   std::to_string(server->pid()) + "\nexit $rc"));
    const auto reply = w.save("a.bin", 2, "second");
    INFO(reply.dump());
    CHECK(reply["verified"] == true);
    CHECK(reply["durable"].is_null());
    CHECK(error_of(reply).starts_with("durable directory: rclone:r:gpujob: rclone hashsum: "));
    CHECK(error_of(reply).find("connection refused") != std::string::npos);
  }
  CHECK(w.scan()["ok"] == false); // away is not empty
  server.reset();
  server = std::make_unique<Child>(serve);
  REQUIRE(wait_until([&] { return w.open()["ok"] == true; }));
  const auto again = World::ask_well(w.request("a.bin", 2));
  INFO(again.dump());
  CHECK_FALSE(again["durable"].is_null());
  w.next_vm();
  CHECK(w.scan()["jobs"][0]["attempts"][0]["checkpoints"].size() == 2);
  CHECK(w.resume("rclone:r:gpujob" + RemoteWorld::checkpoint(2, 1))["from"] == "durable");
  CHECK(get(w.ckpt() + "/a.bin") == "second");
}
