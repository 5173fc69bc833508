// SPDX-License-Identifier: Apache-2.0
#include "client/top/gpus.h"
#include "client/top/keys.h"
#include "client/top/layout.h"
#include "client/top/model.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "tests/client/text.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::client::top;
using gpujob::client::has;
using json::Json;

namespace {

constexpr Glyphs k_ascii{false}, k_utf8{true};

/// 2026-11-21T06:00:00Z
const WallTime k_now = wall_from_ns(1795240800LL * 1'000'000'000);
constexpr std::int64_t k_now_s = 1795240800;

Json sample(const std::string& name) {
  const auto text =
      read_file(std::string(GPUJOB_TEST_SOURCE_DIR) + "/tests/data/protocol/" + name, 1U << 20U);
  return gpujob::json::parse(text.value(), name).value();
}

Json device(int index, int use) {
  return {{"vendor", "nvidia"},
          {"index", index},
          {"uuid", "GPU-" + std::to_string(index)},
          {"name", "Tesla T4"},
          {"state", "ok"},
          {"error", nullptr},
          {"use_percent", use},
          {"memory_used", 1073741824},
          {"memory_total", 16106127360},
          {"temperature_c", 41},
          {"power_mw", 27500},
          {"power_limit_mw", 70000},
          {"throttle", Json::array()},
          {"idle_s", nullptr},
          {"others", 2},
          {"jobs", {{{"id", "k3f9x2ab"}, {"name", "digits"}, {"memory", nullptr}}}}};
}

Json gpu_answer(const std::vector<Json>& devices, Json points = Json::array()) {
  return {{"at", "2026-11-21T06:00:00.000Z"},
          {"sampling", {{"every_s", 1.0}, {"why", nullptr}}},
          {"devices", devices},
          {"history", {{{"gpu", "GPU-0"}, {"step_s", 1}, {"points", std::move(points)}}}},
          {"next", nullptr}};
}

Job job(const std::string& name, const std::string& id = "k3f9x2ab") {
  auto document = sample(name);
  document["id"] = id;
  return read_job(document, k_now).value();
}

/// A session of 12 hours with a job that runs, one that waits and one that failed.
Model model() {
  Model m;
  m.now = k_now;
  m.session = client::read_session_view(sample("session_view.json")).value();
  for (auto& limit : m.session->limits) {
    limit.binds = false;
  }
  m.list({job("job_view-failed.json", "failed01"), job("job_view-queued.json", "queued01"),
          job("job_view-running.json")});
  m.gpus.emplace();
  REQUIRE(m.gpus->take(gpu_answer(
      {device(0, 37)}, {{k_now_s - 300, 50, 1, 40, 1}, {k_now_s - 1, 100, 8053063680, 40, 1}})));
  m.log = {1, "/x/output.log", {"epoch 1", "epoch 2 \x1b[31mred\x1b[0m", "a\rb\rlast of a bar\r"}};
  return m;
}

std::string text_of(const Model& m, Size size = {}, const Glyphs& glyphs = k_ascii) {
  return plain_text(draw(m, size, glyphs));
}

} // namespace

TEST_CASE("top: the main page has every part at 80 x 24") {
  const auto text = text_of(model());
  INFO(text);
  for (const auto* part : {"gpujob top  kaggle, gpu",
                           ">session",
                           "ends first in 10h 00m of 12h 00m, at ",
                           "sure: medium",
                           "quota gpu",
                           "at most 27h 12m left of 30h 00m",
                           "idle",
                           "next save",
                           "L last save",
                           "T TERM",
                           "E end",
                           "o saved",
                           "GPU 0",
                           "37 %",
                           "1.07 of 16.1 GB",
                           "41 C",
                           "27 of 70 W",
                           "digits, 2 others",
                           "Tesla T4",
                           "use",
                           "memory",
                           "JOB",
                           "> digits",
                           "running",
                           "25 %",
                           "last of a bar",
                           "epoch 2 red",
                           "output of digits, attempt 1",
                           "q quit"}) {
    INFO(part);
    CHECK(has(text, part));
  }
  CHECK_FALSE(has(text, "\x1b"));
  CHECK(has(text, "1h 00m, stored"));
}

TEST_CASE("top: at every size all rows fit, with and without UTF-8") {
  auto m = model();
  for (const auto page : {Page::main, Page::logs, Page::help}) {
    m.choice.page = page;
    for (std::size_t rows = 1; rows <= 60; rows += rows < 26 ? 1 : 7) {
      for (std::size_t width = 1; width <= 200; width += width < 90 ? 1 : 11) {
        for (const auto& glyphs : {k_ascii, k_utf8}) {
          const auto frame = draw(m, {rows, width}, glyphs);
          INFO(rows << " x " << width << "\n" << plain_text(frame));
          REQUIRE(frame.size() <= rows);
          for (const auto& line : split(plain_text(frame), '\n')) {
            REQUIRE(columns(line) <= width);
          }
        }
      }
    }
  }
}

TEST_CASE("top: the smallest window still tells of the end, the GPU, the job and its output") {
  const auto text = text_of(model(), {10, 40});
  INFO(text);
  for (const auto* part : {"ends in 10h 00m, at ", "GPU 0", "> digits", "running", "25 %",
                           "last of a bar", "q quit"}) {
    INFO(part);
    CHECK(has(text, part));
  }
  CHECK(has(text_of(model(), {9, 40}), "too small: gpujob top needs 40 x 10"));
  CHECK(has(text_of(model(), {24, 39}), "too small"));
}

TEST_CASE("top: a limit that ends the session before its own is the one that is marked") {
  auto m = model();
  m.session->ends_by = "quota";
  m.session->limits.front().binds = true;
  const auto text = text_of(m);
  INFO(text);
  CHECK(has(text, ">quota gpu"));
  CHECK(has(text, " session"));
  CHECK(has(text, "by a quota"));
}

TEST_CASE("top: an end that is not known is said to be so") {
  auto m = model();
  m.session = client::read_session_view(sample("session_view-unknown.json")).value();
  CHECK(has(text_of(m), "end not known: gpujob limits set session=9h"));
  m.session.reset();
  CHECK(has(text_of(m), "not known yet"));
}

TEST_CASE("top: without a daemon the last picture stays and says since when") {
  auto m = model();
  m.gone_since = k_now - std::chrono::seconds{12};
  const auto text = text_of(m);
  CHECK(has(text, "NO DAEMON since "));
  CHECK(has(text, "12s ago"));
  CHECK(has(text, "> digits"));
  m.gone_since.reset();
  m.asked_since = k_now - std::chrono::seconds{31};
  CHECK(has(text_of(m), "the daemon has not answered for 31s"));
}

TEST_CASE("top: no GPU is told once, with the reason") {
  auto m = model();
  m.gpus.reset();
  m.no_gpus = "this daemon does not";
  CHECK(has(text_of(m), "GPU: not sampled: this daemon does not"));
  m.gpus.emplace();
  REQUIRE(m.gpus->take({{"at", nullptr},
                        {"sampling", {{"every_s", nullptr}, {"why", "no NVIDIA library"}}},
                        {"devices", Json::array()},
                        {"history", Json::array()},
                        {"next", nullptr}}));
  CHECK(has(text_of(m), "no GPU: no NVIDIA library"));
}

TEST_CASE("top: many GPUs and many jobs leave room for everything else") {
  auto m = model();
  std::vector<Json> devices;
  for (int i = 0; i < 8; ++i) {
    devices.push_back(device(i, 10 * i));
  }
  REQUIRE(m.gpus->take(gpu_answer(devices)));
  auto jobs = std::vector<Job>();
  for (int i = 0; i < 40; ++i) {
    jobs.push_back(job("job_view-running.json"));
    jobs.back().view.id = "j" + std::to_string(i);
    jobs.back().view.name = "number-" + std::to_string(i);
  }
  m.list(jobs);
  const auto text = text_of(m);
  INFO(text);
  CHECK(has(text, "more GPUs"));
  CHECK(has(text, "more below"));
  CHECK(has(text, "output of number-0"));
  m.select(39);
  CHECK(has(text_of(m), "> number-39"));
  CHECK(has(text_of(m, {70, 120}), "GPU 7"));
}

TEST_CASE("top: a lost GPU and one that is held back say so in words") {
  auto lost = device(0, 0);
  lost["state"] = "lost";
  lost["error"] = "GPU is lost";
  auto hot = device(1, 90);
  hot["throttle"] = {"idle", "hw_thermal"};
  Model m = model();
  REQUIRE(m.gpus->take(gpu_answer({lost, hot})));
  const auto text = text_of(m, {30, 120});
  INFO(text);
  CHECK(has(text, "GPU 0 Tesla T4: lost: GPU is lost"));
  CHECK(has(text, "held back: hw_thermal"));
}

TEST_CASE("top: a GPU with an Xid says which in words, at every width, first") {
  auto sick = device(0, 37);
  sick["xid"] = {{"last", 48}, {"count", 2}};
  auto lost = device(1, 0);
  lost["state"] = "lost";
  lost["error"] = "GPU is lost";
  lost["xid"] = {{"last", 79}, {"count", 1}};
  auto well = device(2, 90);
  well["xid"] = {{"last", nullptr}, {"count", 0}};
  auto strange = device(3, 90);
  strange["xid"] = {{"last", 999}, {"count", 1}};
  Model m = model();
  REQUIRE(m.gpus->take(gpu_answer({sick, lost, well, strange})));
  for (const Size size : {Size{40, 80}, Size{24, 80}, Size{40, 132}}) {
    const auto text = text_of(m, size);
    INFO(text);
    CHECK(has(text, "37 %  Xid 48: memory error  1.07 of 16.1 GB"));
    CHECK(has(text, "GPU 1 Tesla T4: lost: GPU is lost, Xid 79: off the bus"));
    CHECK(has(text, "90 %  1.07 of 16.1 GB"));
    CHECK(has(text, "90 %  Xid 999  1.07"));
  }
  CHECK(has(text_of(m, {24, 40}), "37 %  Xid 48: memory error"));
}

TEST_CASE("top: a copy on its way says how far it is") {
  auto m = model();
  auto running = *m.selected();
  auto& c = running.view.checkpoints.back();
  c.state = "securing";
  c.path = "/c/m1047.pt";
  c.stored_bytes = 1'220'000'000;
  c.total_bytes = 2'000'000'000;
  m.put(running);
  const auto text = text_of(m);
  INFO(text);
  CHECK(has(text, "copying 61 %"));
  CHECK(has(text, "storing m1047.pt: 1.22 of 2 GB"));
}

TEST_CASE("top: texts of jobs reach the terminal printable and no wider than it is") {
  auto m = model();
  auto evil = *m.selected();
  evil.view.name = "a\x1b[2J\x07\xff";
  evil.view.status = "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語";
  m.put(evil);
  m.log.lines = {"\x1b]0;title\x07x", std::string(500, 'w'), "é\xc2\x9b", std::string("\0\1", 2)};
  for (const auto& glyphs : {k_ascii, k_utf8}) {
    const auto text = text_of(m, {24, 80}, glyphs);
    for (const char c : text) {
      CHECK((static_cast<unsigned char>(c) >= 0x20 || c == '\n'));
      CHECK((glyphs.utf8 || static_cast<unsigned char>(c) < 0x7F));
    }
    CHECK_FALSE(has(text, "\xc2\x9b"));
  }
}

TEST_CASE("top: the list keeps the selection, those that run come first") {
  auto m = model();
  REQUIRE(m.jobs.size() == 3);
  CHECK(m.jobs[0].view.state == "running");
  CHECK(m.jobs[2].view.state == "failed");
  CHECK(m.choice.job == m.jobs[0].view.id);
  m.select(1);
  CHECK(m.choice.job == m.jobs[1].view.id);
  const auto chosen = m.choice.job;
  m.list({m.jobs[1], m.jobs[2]});
  CHECK(m.choice.job == chosen);
  m.list({m.jobs[1]});
  CHECK(m.choice.job == m.jobs[0].view.id);
  m.list({});
  CHECK(m.selected() == nullptr);
  CHECK(has(text_of(m), "no jobs yet"));
}

TEST_CASE("top: what a list does not say of a job stays until it is asked again") {
  auto m = model();
  auto brief = job("job_short.json");
  brief.view.id = m.jobs[0].view.id;
  brief.view.state = "running";
  brief.view.attempt = m.jobs[0].view.attempt;
  CHECK_FALSE(brief.known_whole);
  m.list({brief});
  CHECK(m.jobs[0].view.checkpoints.size() == 2);
  CHECK(m.jobs[0].view.saving);
  brief.view.attempt += 1;
  m.list({brief});
  CHECK(m.jobs[0].view.checkpoints.empty());
}

TEST_CASE("top: when a job will be done follows from what its work still takes") {
  auto document = sample("job_view-running.json");
  document["left_s"] = 90;
  CHECK(read_job(document, k_now)->done_at == k_now + std::chrono::seconds{90});
  for (const Json& unknown : {Json(), Json(-1), Json(1e300)}) {
    document["left_s"] = unknown;
    CHECK_FALSE(read_job(document, k_now)->done_at);
  }
}

TEST_CASE("top: a stop is asked about, and only y is yes") {
  auto m = model();
  CHECK_FALSE(press(Key::stop, m, {}, k_ascii));
  CHECK(has(text_of(m), "stop digits: it saves first, then ends. Sure? y/n"));
  CHECK_FALSE(press(Key::no, m, {}, k_ascii));
  CHECK(m.message == "not stopped");
  press(Key::stop, m, {}, k_ascii);
  const auto order = press(Key::yes, m, {}, k_ascii);
  REQUIRE(order);
  CHECK(order->what == Order::What::stop);
  CHECK(order->job == m.jobs[0].view.id);
  CHECK_FALSE(press(Key::yes, m, {}, k_ascii));
  m.choice.job = m.jobs[2].view.id;
  press(Key::stop, m, {}, k_ascii);
  CHECK_FALSE(m.choice.asks_stop);
  CHECK(has(m.message, "failed already: nothing to stop"));
}

TEST_CASE("top: keys lead to pages and back") {
  auto m = model();
  CHECK(press(Key::quit, m, {}, k_ascii)->what == Order::What::quit);
  CHECK(press(Key::checkpoint, m, {}, k_ascii)->what == Order::What::checkpoint);
  press(Key::help, m, {}, k_ascii);
  CHECK(has(text_of(m), "gpujob top: help"));
  CHECK_FALSE(press(Key::quit, m, {}, k_ascii));
  CHECK(m.choice.page == Page::main);
  press(Key::logs, m, {}, k_ascii);
  CHECK(m.choice.page == Page::logs);
  press(Key::escape, m, {}, k_ascii);
  CHECK(m.choice.page == Page::main);
}

TEST_CASE("top: the log scrolls from its end to its begin") {
  auto m = model();
  m.log.lines.clear();
  for (int i = 1; i <= 100; ++i) {
    m.log.lines.push_back("line " + std::to_string(i));
  }
  m.choice.page = Page::logs;
  CHECK(has(text_of(m), "\nline 100\n"));
  press(Key::up, m, {}, k_ascii);
  CHECK_FALSE(has(text_of(m), "\nline 100\n"));
  CHECK(has(text_of(m), "1 lines below"));
  press(Key::first, m, {}, k_ascii);
  CHECK(has(text_of(m), "\nline 1\n"));
  press(Key::up, m, {}, k_ascii);
  press(Key::page_down, m, {}, k_ascii);
  CHECK(has(text_of(m), "\nline 22\n"));
  press(Key::last, m, {}, k_ascii);
  CHECK(has(text_of(m), "\nline 100\n"));
  m.log.lines = {std::string(200, 'x')};
  CHECK(has(text_of(m), "\n" + std::string(40, 'x') + "\n"));
}

TEST_CASE("top: history that comes in pages and twice is one history") {
  Gpus gpus;
  auto page = gpu_answer({device(0, 37)}, {{k_now_s - 2, 1, 1, 1, 1}, {k_now_s - 1, 2, 1, 1, 1}});
  REQUIRE(gpus.take(page));
  REQUIRE(gpus.take(page));
  REQUIRE(gpus.devices.size() == 1);
  // Those two, and what was seen at the look itself.
  CHECK(gpus.devices[0].points.size() == 3);
  page["devices"] = "none";
  CHECK_FALSE(gpus.take(page));
  CHECK(gpus.devices.size() == 1);
  CHECK_FALSE(gpus.take({{"history", {{{"gpu", "GPU-0"}, {"points", {1, 2}}}}}}));
}
