// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "common/layout.h"
#include "tests/shim/play_daemon.h"
#include "tests/support/catch.h"
#include "tests/support/wait.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

using namespace gpujob;
using namespace std::chrono_literals;
using test::boot_now;
using test::PlayDaemon;
using test::PlayLink;
using test::quoted;

namespace {

/// Asked at once, TERM `grace` later.
Plan end_soon(Duration grace) {
  Plan p;
  p.number = 1;
  p.request_at = boot_now();
  p.term_at = boot_now() + grace;
  p.grace = grace;
  p.kill_grace = 300ms;
  return p;
}

constexpr const char* k_deaf = "while :; do sleep 0.05; done";

std::vector<journal::Checkpoint> saves(const PlayDaemon& d) {
  std::vector<journal::Checkpoint> all;
  for (const auto& record : d.journal()) {
    if (const auto* c = std::get_if<journal::Checkpoint>(&record.body)) {
      all.push_back(*c);
    }
  }
  return all;
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string content(const std::string& path) {
  const auto text = read_file(path, 1U << 20U);
  return text ? *text : std::string();
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

/// Copies `model` into the case's directory.
void copies(PlayDaemon& d, const std::string& model) {
  d.launch.checkpoint_dir = d.in("ckpt");
  d.launch.checkpoint_copy = {d.in(model)};
}

void ask(PlayLink& link, int number) {
  link.send({{"op", "checkpoint"}, {"request", number}});
}

} // namespace

TEST_CASE("the checkpoint command runs as the job would, and its exit 0 is an acknowledgement") {
  PlayDaemon d;
  d.cmdline.env.push_back("SECRET=kept");
  d.launch.env_set.emplace_back("GPUJOB_CKPT_DIR", d.in("ckpt"));
  d.launch.checkpoint_cmd = "echo said by the command; "
                            "echo $SECRET $GPUJOB_CHECKPOINT_REASON $GPUJOB_JOB_PID "
                            "$GPUJOB_CKPT_DIR $PWD > told.part; mv told.part told";
  d.launch.plan = end_soon(20s);
  // It ends by itself once the command has told.
  d.shell("until grep -q '\"kind\":\"checkpoint\"' $D/attempt/journal.jsonl; do sleep 0.02; done");
  d.start();
  const auto job = d.await<journal::Started>().child_pid;
  const auto record = d.finish();
  CHECK(record.code == 0);
  CHECK(record.final_requested);
  const auto all = saves(d);
  REQUIRE(all.size() == 1);
  CHECK(all[0].how == "command");
  CHECK(all[0].path.empty());
  CHECK(content(d.in("told")) == "kept session_limit " + std::to_string(job) + " " + d.in("ckpt") +
                                     " " + d.cmdline.cwd + "\n");
  CHECK(d.output().find("said by the command\n") != std::string::npos);
}

TEST_CASE("a checkpoint command that fails is told, and is no acknowledgement") {
  PlayDaemon d;
  d.launch.checkpoint_cmd = "exit 3";
  d.launch.plan = end_soon(4s);
  d.shell(k_deaf);
  d.start();
  d.finish();
  CHECK(saves(d).empty());
  const auto failed = d.first<journal::RouteFailed>();
  REQUIRE(failed);
  CHECK(failed->route == "command");
  CHECK(failed->why == "exit 3");
}

TEST_CASE("a checkpoint command has the grace, then it is ended with all it started") {
  PlayDaemon d;
  d.launch.checkpoint_cmd = "echo $$ > pid; sleep 1000 & echo $! > below; wait";
  d.launch.plan = end_soon(4s);
  d.shell(k_deaf);
  d.start();
  d.finish();
  CHECK(saves(d).empty());
  CHECK(d.await<journal::RouteFailed>().why == "not done when its time was over");
  for (const auto* name : {"pid", "below"}) {
    const int pid = std::stoi(content(d.in(name)));
    CHECK(::kill(pid, 0) != 0);
  }
}

TEST_CASE("a checkpoint command never outlives the attempt, whoever ends that") {
  PlayDaemon d;
  d.launch.checkpoint_cmd = "trap '' TERM; echo $$ > pid.part; mv pid.part pid; "
                            "while :; do sleep 0.05; done";
  d.launch.plan = end_soon(60s);
  d.shell("while [ ! -e pid ]; do sleep 0.02; done");
  d.start();
  CHECK(d.finish().code == 0);
  CHECK(::kill(std::stoi(content(d.in("pid"))), 0) != 0);
}

TEST_CASE("with a command no signal is sent unless one is named, and never to the command") {
  PlayDaemon d;
  d.launch.checkpoint_cmd = "trap 'echo hit >> hit' USR1; echo once >> runs; "
                            "touch up; while [ ! -e go ]; do sleep 0.02; done";
  d.python("import signal, time, os\n"
           "signal.signal(signal.SIGUSR1, lambda *a: open('job', 'w').close())\n"
           "open('ready', 'w').close()\n"
           "while not os.path.exists('end'): time.sleep(0.02)\n");
  d.start();
  d.await_file("ready");
  PlayLink link(d, 0);
  ask(link, 1);
  d.await_file("up");
  ask(link, 2); // while it runs: once more after it
  CHECK(test::wait_until([&] {
    const auto all = d.journal();
    return std::count_if(all.begin(), all.end(), [](const auto& r) {
             return std::holds_alternative<journal::Requested>(r.body);
           }) == 2;
  }));
  write(d.in("go"), "");
  CHECK(test::wait_until([&] { return content(d.in("runs")) == "once\nonce\n"; }));
  CHECK(test::wait_until([&] { return saves(d).size() == 2; })); // each as soon as it was made
  write(d.in("end"), "");
  d.finish();
  CHECK(saves(d).size() == 2);
  CHECK_FALSE(exists(d.in("hit")));
  CHECK_FALSE(exists(d.in("job")));
}

TEST_CASE("what the job writes is copied when it is quiet, once for each state of it") {
  PlayDaemon d;
  copies(d, "model.h5.bin");
  write(d.in("model.h5.bin"), "weights 1");
  d.shell("while [ ! -e end ]; do sleep 0.05; done");
  d.launch.checkpoint_signal = "none";
  d.start();
  d.await<journal::Started>();
  PlayLink link(d, 0);
  const auto nth = [&](std::size_t n) {
    test::wait_until([&] { return saves(d).size() >= n; });
    REQUIRE(saves(d).size() == n);
    return saves(d).back();
  };
  ask(link, 1);
  const auto first = nth(1);
  CHECK(first.how == "copy");
  CHECK(first.path == d.in("ckpt") + "/.copies/copy-1-1");
  CHECK(content(first.path + "/model.h5.bin") == "weights 1");
  CHECK(layout::check_complete(first.path));
  ask(link, 2);
  CHECK(nth(2).path == first.path);
  for (int i = 3; i < 6; ++i) {
    write(d.in("model.h5.bin"), "weights " + std::to_string(i));
    ask(link, i);
    CHECK(content(nth(static_cast<std::size_t>(i)).path + "/model.h5.bin") ==
          "weights " + std::to_string(i));
  }
  CHECK_FALSE(exists(first.path)); // the last two are kept
  CHECK(exists(d.in("ckpt") + "/.copies/copy-1-4"));
  write(d.in("end"), "");
  d.finish();
}

TEST_CASE("a copy is told when it is made, also where it is to be made once more") {
  PlayDaemon d;
  copies(d, "model.bin");
  write(d.in("model.bin"), "weights 1");
  // No second one comes: from the first on the file is always being written.
  d.shell("while [ ! -e ckpt/.copies/copy-1-1 ]; do sleep 0.02; done; "
          "while [ ! -e end ]; do date +%N > model.bin; sleep 0.2; done");
  d.launch.checkpoint_signal = "none";
  d.start();
  d.await<journal::Started>();
  PlayLink link(d, 0);
  ask(link, 1);
  ::usleep(500000);
  ask(link, 2);
  CHECK(content(d.await<journal::Checkpoint>().path + "/model.bin") == "weights 1");
  write(d.in("end"), "");
  d.finish();
}

TEST_CASE("what the job has open for writing is not copied until it is closed") {
  PlayDaemon d;
  copies(d, "model.bin");
  d.launch.checkpoint_signal = "none";
  d.python("import os, time\n"
           "f = open('model.bin', 'w')\n"
           "f.write('half'); f.flush()\n"
           "open('ready', 'w').close()\n"
           "while not os.path.exists('go'): time.sleep(0.02)\n"
           "f.write(' and half'); f.close()\n"
           "r = open('model.bin')\n"
           "while not os.path.exists('end'): time.sleep(0.02)\n");
  SECTION("closed in time") {
    d.start();
    d.await_file("ready");
    PlayLink link(d, 0);
    ask(link, 1);
    ::usleep(4000000);
    CHECK(saves(d).empty());
    write(d.in("go"), "");
    CHECK(content(d.await<journal::Checkpoint>().path + "/model.bin") == "half and half");
    write(d.in("end"), "");
    d.finish();
  }
  SECTION("never closed") {
    d.launch.plan = end_soon(8s);
    d.start();
    d.finish();
    CHECK(saves(d).empty());
    const auto why = d.await<journal::RouteFailed>().why;
    CAPTURE(why);
    CHECK(why.ends_with("model.bin: it is open for writing"));
  }
}

TEST_CASE("a copy leaves the job as much room as it takes itself") {
  PlayDaemon d;
  copies(d, "model.bin");
  write(d.in("model.bin"), "weights");
  struct statvfs fs {};
  REQUIRE(::statvfs(d.in("").c_str(), &fs) == 0);
  const auto size = static_cast<off_t>(fs.f_bavail * fs.f_frsize / 4 * 3);
  const auto older = d.in("ckpt/.copies/copy-1-1");
  const auto newest = d.in("ckpt/.copies/copy-1-2");
  REQUIRE(make_directories(older));
  REQUIRE(make_directories(newest));
  write(older + "/model.bin", "old");
  write(newest + "/model.bin", "newer");
  // Holes: as large by name as they need be.
  REQUIRE(::truncate(d.in("model.bin").c_str(), size) == 0);
  bool goes = false;
  SECTION("an older copy that would be no help stays") {}
  SECTION("an older copy goes first, the newest never") {
    REQUIRE(::truncate((older + "/model.bin").c_str(), size) == 0);
    goes = true;
  }
  d.launch.checkpoint_signal = "none";
  d.launch.attempt = 2;
  d.launch.plan = end_soon(10s);
  d.shell(k_deaf);
  d.start();
  const auto why = d.await<journal::RouteFailed>().why;
  CAPTURE(why);
  CHECK(why.find("no room for the copy") != std::string::npos);
  CHECK(exists(older) != goes);
  CHECK(exists(newest));
  CHECK_FALSE(exists(d.in("ckpt/.copies/.copy-2-1")));
}

TEST_CASE("what is always being written, or is half there, is never copied") {
  PlayDaemon d;
  SECTION("written all the time") {
    copies(d, "model.bin");
    d.shell("while :; do date +%N > model.bin; sleep 0.3; done");
  }
  SECTION("a zip without its end") {
    copies(d, "model.npz");
    write(d.in("model.npz"), "PK\003\004 and then the disk was full");
    d.shell(k_deaf);
  }
  d.launch.checkpoint_signal = "none";
  d.launch.plan = end_soon(4s);
  d.start();
  d.finish();
  CHECK(saves(d).empty());
  const auto failed = d.first<journal::RouteFailed>();
  REQUIRE(failed);
  CHECK(failed->route == "copy");
  CAPTURE(failed->why);
  CHECK(failed->why.starts_with("not done in time: "));
  CHECK_FALSE(exists(d.in("ckpt") + "/.copies/copy-1-1"));
}

TEST_CASE("a copy that is under way when the job ends is finished") {
  PlayDaemon d;
  copies(d, "model.bin");
  write(d.in("model.bin"), "last weights");
  d.launch.checkpoint_signal = "none";
  d.launch.plan = end_soon(20s);
  d.shell("until [ -e $D/attempt/notice.json ]; do sleep 0.02; done");
  d.start();
  CHECK(d.finish().code == 0);
  REQUIRE(saves(d).size() == 1);
  CHECK(content(saves(d)[0].path + "/model.bin") == "last weights");
}

TEST_CASE("what is there is set aside for the copy, all or nothing") {
  PlayDaemon d;
  const auto whole = [](const std::string& data) { // a safetensors file of four bytes
    const std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
    return static_cast<char>(header.size()) + std::string(7, '\0') + header + data;
  };
  d.launch.checkpoint_dir = d.in("ckpt");
  d.launch.resume_from = d.in("ckpt") + "/copy-1-7";
  REQUIRE(make_directories(d.launch.resume_from + "/run"));
  const auto in_copy = [&](const std::string& name) { return d.launch.resume_from + "/" + name; };
  write(in_copy("run/log.bin"), "of the run");
  write(in_copy("model.bin"), "model of 1");
  write(in_copy("opt.bin"), "opt of 1");
  write(in_copy("a.npz"), "whatever is restored");
  write(in_copy("a.safetensors"), whole("1111"));
  write(in_copy("b.safetensors"), whole("1111"));
  const auto old = [&](const std::string& name) {
    const timespec times[] = {{1000000, 0}, {1000000, 0}};
    REQUIRE(::utimensat(AT_FDCWD, in_copy(name).c_str(), times, 0) == 0);
  };
  const auto run = [&](const std::vector<std::string>& paths) {
    std::string all = "cat";
    for (const auto& path : paths) {
      d.launch.checkpoint_copy.push_back(d.in(path));
      all += " " + path + (path.find("run") == std::string::npos ? "" : "/log.bin");
    }
    d.shell(all);
    d.start();
    CHECK(d.finish().code == 0);
    return d.output();
  };
  SECTION("missing") {
    const auto out = run({"out/run", "model.bin"});
    CAPTURE(out);
    CHECK(out.ends_with("of the runmodel of 1"));
    CHECK(out.find("out/run: restored from ") != std::string::npos);
  }
  SECTION("of two moments, and half written: neither can be told") {
    write(d.in("model.bin"), "model of 2");
    write(d.in("opt.bin"), "opt");
    const auto out = run({"model.bin", "opt.bin"});
    CAPTURE(out);
    CHECK(out.ends_with("model of 1opt of 1"));
    CHECK(content(d.in("model.bin.stale-1")) == "model of 2");
    CHECK(content(d.in("opt.bin.stale-1")) == "opt");
    CHECK(out.find("model.bin: set aside as ") != std::string::npos);
  }
  SECTION("one of two written since") {
    write(d.in("model.bin"), "model of 2");
    write(d.in("opt.bin"), "opt of 1");
    CHECK(run({"model.bin", "opt.bin"}).ends_with("model of 1opt of 1"));
  }
  SECTION("a zip without its end") {
    write(d.in("a.npz"), "PK\003\004 and then the VM was gone");
    CHECK(run({"a.npz"}).ends_with("whatever is restored"));
    CHECK(exists(d.in("a.npz.stale-1")));
  }
  SECTION("a directory whose files are of two moments") {
    REQUIRE(make_directories(d.in("run")));
    write(d.in("run/log.bin"), "of another");
    CHECK(run({"run"}).ends_with("of the run"));
    CHECK(content(d.in("run.stale-1/log.bin")) == "of another");
  }
  SECTION("equal already") {
    write(d.in("model.bin"), "model of 1");
    write(d.in("opt.bin"), "opt of 1");
    const auto out = run({"model.bin", "opt.bin"});
    CHECK(out.find("opt.bin: kept: it is what the copy holds") != std::string::npos);
    CHECK_FALSE(exists(d.in("opt.bin.stale-1")));
  }
  SECTION("one file that proves to be whole, and is newer") {
    old("a.safetensors");
    write(d.in("a.safetensors"), whole("2222"));
    const auto out = run({"a.safetensors"});
    CAPTURE(out);
    CHECK(out.find("a.safetensors: kept: it is whole, and newer") != std::string::npos);
    CHECK(out.ends_with("2222"));
  }
  SECTION("two of them may be of two moments") {
    old("a.safetensors");
    old("b.safetensors");
    write(d.in("a.safetensors"), whole("3333"));
    write(d.in("b.safetensors"), whole("2222"));
    CHECK(run({"a.safetensors", "b.safetensors"}).ends_with("1111"));
  }
}

TEST_CASE("a job whose files cannot be put back is not started on what is there") {
  PlayDaemon d;
  d.launch.resume_from = d.in("ckpt") + "/copy-1-7";
  REQUIRE(make_directories(d.launch.resume_from));
  write(d.launch.resume_from + "/model.bin", "model of 1");
  write(d.in("model.bin"), "mod");
  write(d.launch.resume_from + "/opt.bin", "opt of 1");
  write(d.in("file"), "not a directory");
  d.launch.checkpoint_copy = {d.in("model.bin"), d.in("file/opt.bin")};
  d.shell("touch started");
  d.start();
  const auto record = d.finish();
  CHECK(record.code == 126);
  CAPTURE(record.exec_error);
  CHECK(record.exec_error.find("file") != std::string::npos);
  CHECK_FALSE(exists(d.in("started")));
  CHECK(content(d.in("model.bin")) == "mod"); // as it was
}

TEST_CASE("while files are put back the shim is heard, and a stop ends it") {
  PlayDaemon d;
  d.launch.resume_from = d.in("ckpt") + "/copy-1-7";
  REQUIRE(make_directories(d.launch.resume_from));
  const auto source = d.launch.resume_from + "/model.bin";
  write(source, "model");
  REQUIRE(::truncate(source.c_str(), off_t{4} << 30) == 0); // seconds, on any disk
  d.launch.checkpoint_copy = {d.in("model.bin")};
  d.shell("touch started");
  d.start();
  CHECK(d.await<journal::Status>().text == "putting back the copied files");
  PlayLink link(d, 0);
  CHECK(link.hello["op"] == "hello");
  CHECK(d.job_pid() == 0);
  auto stop = end_soon(10s);
  stop.reason = EndReason::stop;
  link.send({{"op", "plan"}, {"plan", to_json(stop)}});
  const auto record = d.finish();
  CHECK(record.term_sent == EndReason::stop);
  CHECK(record.signal == SIGTERM);
  CHECK_FALSE(exists(d.in("started")));
  CHECK_FALSE(exists(d.in("model.bin")));
  CHECK_FALSE(exists(d.in(".gpujob-restore-model.bin")));
}

TEST_CASE("a checkpoint of another kind restores nothing") {
  PlayDaemon d;
  d.launch.resume_from = d.in("model.pt");
  write(d.in("model.pt"), "x");
  d.launch.checkpoint_copy = {d.in("missing.bin")};
  d.shell("test ! -e missing.bin");
  d.start();
  CHECK(d.finish().code == 0);
}
