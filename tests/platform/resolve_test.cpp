// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/resolve.h"
#include "tests/platform/fake_machine.h"
#include "tests/support/catch.h"

#include <fmt/format.h>

namespace gpujob {

using platform::Origin;
using platform::SessionSettings;
using platform::SettingTexts;
using test::at;
using test::FakeMachine;
using test::hours;
using test::minutes;
using test::refusal;
using test::settle;

namespace {

/// A Kaggle batch VM whose container began ten minutes after the boot.
class Kaggle : public FakeMachine {
public:
  Kaggle() {
    env("KAGGLE_KERNEL_RUN_TYPE=Batch");
    pid1("tini", minutes(10));
    container();
  }
};

SettingTexts flag(std::optional<std::string> SettingTexts::*which, const std::string& text) {
  SettingTexts t;
  t.*which = text;
  return t;
}

/// The daemon again: `flags`, after `before` was stored.
SessionSettings again(const FakeMachine& m, const SessionSettings& before, Now now,
                      SettingTexts flags = {}, bool revive = false) {
  auto r = m.request(std::move(flags));
  r.stored = before;
  r.revive = revive;
  r.new_session_id = "newer";
  return settle(r, now);
}

} // namespace

TEST_CASE("with nothing said the profile decides", "[platform]") {
  const auto s = settle(Kaggle().request(), at(hours(2)));
  CHECK(s.id == "new");
  CHECK(s.platform == "kaggle");
  CHECK(s.variant == "batch");
  CHECK(s.plan.empty());
  REQUIRE(s.limit);
  CHECK(s.limit->value == hours(12));
  CHECK(s.limit->as_of == "2026-09-24");
  CHECK(s.margin == minutes(30));
  CHECK(s.start.source == "pid1");
  CHECK(s.ends_at() == BootTime{minutes(10) + hours(12)});
  CHECK(s.plan_end() == BootTime{minutes(10) + hours(12) - minutes(30)});
  REQUIRE(s.durable);
  CHECK(s.durable->path == "/kaggle/working/gpujob");
  CHECK(s.read_dirs == std::vector<std::string>{"/kaggle/input/*/gpujob",
                                                "/kaggle/input/*/*/gpujob",
                                                "/kaggle/input/*/*/*/gpujob"});
  CHECK(s.slots == 1);
  CHECK(s.settings.at("platform").origin == Origin::detected);
  CHECK(s.settings.at("session_limit").origin == Origin::profile);
  CHECK(s.settings.at("session_limit").detail == "kaggle");
  CHECK(s.settings.at("slots").origin == Origin::fallback);
  CHECK(s.settings.at("state_dir").value == "/s");
  CHECK(s.settings.at("runtime_dir").origin == Origin::environment);
  CHECK(s.settings.at("runtime_dir").detail == "GPUJOB_RUNTIME_DIR");
}

TEST_CASE("on a machine of one's own there is no limit and nothing durable", "[platform]") {
  const auto s = settle(FakeMachine().request(), at(hours(2)));
  CHECK(s.platform == "generic");
  CHECK(!s.limit);
  CHECK(!s.ends_at());
  CHECK(!s.plan_end());
  CHECK(s.margin == Duration::zero());
  CHECK(!s.durable);
  CHECK(s.start.boot == BootTime{hours(2)});
}

TEST_CASE("a Slurm node was up before the job: its session begins with the daemon", "[platform]") {
  FakeMachine m;
  m.env("SLURM_JOB_ID=7");
  const auto s = settle(m.request(), at(hours(20)));
  CHECK(s.platform == "slurm");
  CHECK(s.start.boot == at(hours(20)).boot);
  CHECK_FALSE(s.limit);
}

TEST_CASE("flag goes before environment before config before profile", "[platform]") {
  Kaggle m;
  const auto limit = [&](SettingTexts flags) {
    const auto s = settle(m.request(std::move(flags)), at(hours(2)));
    const auto& v = s.settings.at("session_limit");
    return std::pair(s.limit->value, fmt::format("{} {}", to_text(v.origin), v.detail));
  };
  CHECK(limit({}) == std::pair(hours(12), std::string("profile kaggle")));
  m.config(R"({"session_limit": "8h"})");
  CHECK(limit({}) == std::pair(hours(8), "config " + m.config_path() + ": session_limit"));
  m.env("GPUJOB_SESSION_LIMIT=7h");
  CHECK(limit({}) == std::pair(hours(7), std::string("environment GPUJOB_SESSION_LIMIT")));
  CHECK(limit(flag(&SettingTexts::session_limit, "6h")) ==
        std::pair(hours(6), std::string("flag --session-limit")));
}

TEST_CASE("each setting can be said", "[platform]") {
  Kaggle m;
  m.config(R"({"plan": "pro", "slots": 3, "durable": "/content/drive/MyDrive/runs"})");
  m.env("GPUJOB_PLATFORM=colab");
  m.env("GPUJOB_SESSION_START=-1h");
  const auto s = settle(m.request(), at(hours(2)));
  CHECK(s.platform == "colab");
  CHECK(s.conflicts.size() == 1);
  CHECK(s.plan == "pro");
  CHECK(s.limit->value == hours(24));
  CHECK(s.margin == minutes(15));
  CHECK(s.slots == 3);
  REQUIRE(s.durable);
  // Below a place the profile knows: what holds there, holds.
  CHECK(s.durable->path == "/content/drive/MyDrive/runs");
  CHECK(s.durable->level == "cached");
  CHECK(s.durable->require_mount == "fuse.drive");
  CHECK(s.durable->origin == Origin::config);
  CHECK(s.start.boot == BootTime{hours(1)});
  CHECK(s.start.source == "environment");
  CHECK(s.start.confidence == platform::Confidence::high);
}

TEST_CASE("a machine of one's own that a cloud rents out is asked for that cloud's notices",
          "[platform]") {
  const auto notices = [](const FakeMachine& m) {
    return settle(m.request(), at(hours(2))).settings.at("notices");
  };
  FakeMachine ec2;
  ec2.file("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
  CHECK(notices(ec2).value == "ec2_spot");
  CHECK(notices(ec2).origin == Origin::detected);
  CHECK(notices(ec2).detail == "the firmware is Amazon EC2's");
  FakeMachine gce;
  gce.file("/sys/class/dmi/id/product_name", "Google Compute Engine\n");
  CHECK(notices(gce).value == "gce_preempted");
  CHECK(notices(FakeMachine()).value == "none");
  // Kaggle runs on Google's machines, and takes them away in its own way.
  gce.env("KAGGLE_KERNEL_RUN_TYPE=Batch");
  CHECK(notices(gce).value == "none");
  CHECK(settle(ec2.request(flag(&SettingTexts::notices, "none")), at(hours(2)))
            .settings.at("notices")
            .value == "none");
}

TEST_CASE("none switches a limit or the durable directory off", "[platform]") {
  SettingTexts flags;
  flags.session_limit = "none";
  flags.durable = "none";
  const auto s = settle(Kaggle().request(flags), at(hours(2)));
  CHECK(!s.limit);
  CHECK(!s.durable);
  CHECK(s.read_dirs.empty());
  CHECK(s.settings.at("durable").value == "none");
  CHECK(s.settings.at("session_limit").note == "more than kaggle's own 12h 00m");
}

TEST_CASE("the margin is never more than a tenth of the limit", "[platform]") {
  const auto s = settle(Kaggle().request(flag(&SettingTexts::session_limit, "40s")), at(hours(2)));
  CHECK(s.margin == std::chrono::seconds{4});
  // The container is older than that: its start is no evidence.
  CHECK(s.start.source == "daemon");
}

TEST_CASE("what cannot be is refused, naming who said it", "[platform]") {
  Kaggle m;
  const auto say = [&](std::optional<std::string> SettingTexts::*which, const char* text) {
    return refusal(m.request(flag(which, text)), at(hours(2)));
  };
  CHECK(say(&SettingTexts::session_limit, "0").starts_with("--session-limit: 0: "));
  CHECK(say(&SettingTexts::session_limit, "900h").starts_with("--session-limit: 900h: longer"));
  CHECK(say(&SettingTexts::session_start, "soon").starts_with("--session-start: 'soon': "));
  CHECK(say(&SettingTexts::durable, "drive").starts_with("--durable: drive: not an absolute"));
  CHECK(say(&SettingTexts::slots, "0").starts_with("--slots: 0: "));
  CHECK(say(&SettingTexts::platform, "aws").starts_with("--platform: 'aws': no such platform"));
  m.config(R"({"platform": "colab", "plan": "gold"})");
  CHECK(refusal(m.request(), at(hours(2))) ==
        m.config_path() + ": plan: 'gold': no plan of colab: use one of free, pro, pro_plus, payg");
}

TEST_CASE("a plan of another platform is told, not refused", "[platform]") {
  Kaggle m;
  m.config(R"({"plan": "pro"})");
  const auto s = settle(m.request(), at(hours(2)));
  CHECK(s.plan.empty());
  CHECK(s.settings.at("plan").note == "not used: kaggle has no plans");
}

TEST_CASE("a daemon that comes back in the same session plans to the same end", "[platform]") {
  Kaggle m;
  m.env("GPUJOB_SESSION_LIMIT=6h");
  const auto first = settle(m.request(), at(hours(2)));
  // Started by hand from a terminal, which has none of the notebook's variables.
  FakeMachine bare;
  bare.pid1("tini", minutes(10));
  const auto second = again(bare, first, at(hours(3)));
  CHECK(second.id == first.id);
  CHECK(second.platform == "kaggle");
  CHECK(second.ends_at() == first.ends_at());
  CHECK(second.margin == first.margin);
  CHECK(second.durable == first.durable);
  CHECK(second.daemon_start == first.daemon_start);
  CHECK(second.settings.at("session_limit").stored);
  CHECK(second.settings.at("session_limit").origin == Origin::environment);
}

TEST_CASE("in the same session a person's stored word beats environment and config", "[platform]") {
  Kaggle m;
  const auto first = settle(m.request(flag(&SettingTexts::session_limit, "6h")), at(hours(2)));
  m.env("GPUJOB_SESSION_LIMIT=5h");
  m.config(R"({"session_limit": "4h"})");
  const auto second = again(m, first, at(hours(3)));
  CHECK(second.limit->value == hours(6));
  CHECK(second.settings.at("session_limit").note ==
        "GPUJOB_SESSION_LIMIT is not used: 5h: give --session-limit to change it");
  const auto third = again(m, second, at(hours(3)), flag(&SettingTexts::session_limit, "3h"));
  CHECK(third.limit->value == hours(3));
  CHECK(third.id == first.id);
}

TEST_CASE("what a profile decided gives way to what a person now says", "[platform]") {
  Kaggle m;
  const auto first = settle(m.request(), at(hours(2)));
  m.env("GPUJOB_SESSION_LIMIT=5h");
  m.config(R"({"durable": "/mnt/d"})");
  const auto second = again(m, first, at(hours(3)));
  CHECK(second.limit->value == hours(5));
  CHECK(second.durable->path == "/mnt/d");
  CHECK(second.durable->level.empty());
}

TEST_CASE("a revived daemon takes what is stored, whatever else is said", "[platform]") {
  Kaggle m;
  const auto first = settle(m.request(), at(hours(2)));
  m.env("GPUJOB_SESSION_LIMIT=5h");
  m.env("GPUJOB_DURABLE_DIR=/mnt/d");
  SettingTexts flags;
  flags.session_limit = "1h";
  flags.session_start = "now";
  flags.platform = "colab";
  flags.slots = "9";
  auto second = again(m, first, at(hours(3)), flags, true);
  CHECK(second.settings.at("platform").stored);
  second.settings = first.settings;
  CHECK(second == first);
}

TEST_CASE("without a stored session a revived daemon listens as any other", "[platform]") {
  auto r = Kaggle().request(flag(&SettingTexts::session_limit, "6h"));
  r.revive = true;
  CHECK(settle(r, at(hours(2))).limit->value == hours(6));
}

TEST_CASE("another boot or another PID 1 is another session", "[platform]") {
  Kaggle m;
  const auto first = settle(m.request(flag(&SettingTexts::session_limit, "6h")), at(hours(2)));
  SECTION("boot") {
    m.boot_id("other");
  }
  SECTION("container") {
    m.pid1("tini", minutes(11));
  }
  const auto second = again(m, first, at(hours(3)));
  CHECK(second.id == "newer");
  CHECK(second.limit->value == hours(12));
  CHECK(!second.settings.at("session_limit").stored);
}

TEST_CASE("a different explicit start makes a new session, the same one does not", "[platform]") {
  Kaggle m;
  const auto start = [](const char* text) { return flag(&SettingTexts::session_start, text); };
  const auto first = settle(m.request(start("2026-11-21T06:00:00Z")), at(hours(2)));
  CHECK(first.start.boot == BootTime{hours(1)});
  const auto same = again(m, first, at(hours(3)), start("2026-11-21T06:00:00Z"));
  CHECK(same.id == "new");
  CHECK(same.start == first.start);
  const auto kept = again(m, same, at(hours(3)));
  CHECK(kept.id == "new");
  CHECK(kept.start == first.start);
  const auto other = again(m, first, at(hours(3)), start("now"));
  CHECK(other.id == "newer");
  CHECK(other.start.boot == BootTime{hours(3)});
  CHECK(other.daemon_start == BootTime{hours(3)});
}

TEST_CASE("another platform said in the same session brings its own limit", "[platform]") {
  Kaggle m;
  const auto first = settle(m.request(), at(hours(2)));
  const auto second = again(m, first, at(hours(3)), flag(&SettingTexts::platform, "paperspace"));
  CHECK(second.id == first.id);
  CHECK(second.limit->value == hours(6));
  CHECK(second.plan == "free");
  CHECK(second.durable->path == "/storage/gpujob");
}

TEST_CASE("another variant of the same platform brings its own limit", "[platform]") {
  Kaggle tpu;
  tpu.env("ISTPUVM=1");
  const auto first = settle(tpu.request(), at(hours(2)));
  CHECK(first.limit->value == hours(9));
  const auto second = again(Kaggle(), first, at(hours(3)), flag(&SettingTexts::platform, "kaggle"));
  CHECK(second.variant == "batch");
  CHECK(second.limit->value == hours(12));
}

TEST_CASE("a limit set later does not end a session at once for a start nobody said",
          "[platform]") {
  const FakeMachine m;
  const auto first = settle(m.request(), at(hours(2)));
  const auto second = again(m, first, at(hours(72)), flag(&SettingTexts::session_limit, "6h"));
  CHECK(second.start.boot == BootTime{hours(72)});
  // The same limit again, after its end: the session is over and stays so.
  const auto third = again(m, second, at(hours(80)), flag(&SettingTexts::session_limit, "6h"));
  CHECK(third.start.boot == BootTime{hours(72)});
}

TEST_CASE("a Slurm job ends when Slurm says, and the next one on this node is another session",
          "[platform]") {
  const auto in = [](const char* job, const char* end) {
    FakeMachine m;
    m.env(std::string("SLURM_JOB_ID=") + job);
    m.env(std::string("SLURM_JOB_END_TIME=") + end);
    return m.request();
  };
  // The wall clock stands at 1795237200 and an hour: the end is two hours off.
  auto r = in("77", "1795248000");
  const auto s = settle(r, at(hours(1)));
  CHECK(s.ends_at() == at(hours(3)).boot);
  CHECK(s.limit->source == "SLURM_JOB_END_TIME says so");
  CHECK(s.key == "77");
  r.stored = s;
  r.new_session_id = "other";
  CHECK(settle(r, at(hours(2))).ends_at() == at(hours(3)).boot);
  auto next = in("78", "1795258800");
  next.stored = s;
  next.new_session_id = "other";
  CHECK(settle(next, at(hours(4))).id == "other");
  CHECK(settle(next, at(hours(4))).ends_at() == at(hours(6)).boot);
  CHECK_FALSE(settle(in("77", "soon"), at(hours(1))).limit);
  CHECK_FALSE(settle(in("77", "1795237201"), at(hours(1))).limit);
  auto said = in("77", "1795248000");
  said.inputs.flags.session_limit = "40m";
  CHECK(settle(said, at(hours(1))).limit->value == minutes(40));
}

TEST_CASE("the platform's own flush is used only when it is asked for, and stays", "[platform]") {
  FakeMachine colab;
  colab.env("TBE_RUNTIME_ADDR=172.28.0.1:8011");
  const auto flush_of = [](const SessionSettings& s) { return s.settings.at("flush").value; };
  CHECK_FALSE(flush_of(settle(colab.request(), at(hours(1)))));
  const auto asked = settle(colab.request(flag(&SettingTexts::flush, "profile")), at(hours(1)));
  REQUIRE(flush_of(asked));
  CHECK(flush_of(asked)->find("flush_and_unmount()") != std::string::npos);
  CHECK(flush_of(again(colab, asked, at(hours(2)))) == flush_of(asked));
  const auto none = flag(&SettingTexts::flush, "none");
  CHECK_FALSE(flush_of(again(colab, asked, at(hours(2)), none)));
  CHECK(refusal(Kaggle().request(flag(&SettingTexts::flush, "profile")), at(hours(1))) ==
        "--flush: profile: kaggle has no flush: name the command");
}
} // namespace gpujob
