// SPDX-License-Identifier: Apache-2.0
#include "client/report/charts.h"
#include "client/report/local_time.h"
#include "client/report/markup.h"
#include "client/report/model.h"
#include "client/report/read_pages.h"
#include "client/report/write.h"
#include "common/clock.h"
#include "common/json.h"
#include "tests/client/report_day.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::client;
using namespace gpujob::test;
using json::Json;

namespace {

int count(const std::string& text, const std::string& what) {
  int n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++n;
  }
  return n;
}

bool near(double a, double b) {
  return std::abs(a - b) < 1e-6;
}

} // namespace

TEST_CASE("work is summed: kept, lost, not yet saved, and what nobody knows") {
  auto g = empty_session(4h);
  g.attempts = {attempt("j1", 1, 0h, 1h, "failed", 3000, 600, "exit code 1"),
                attempt("j1", 2, 1h, 2h, "failed", 3500, 100, "exit code 1"),
                attempt("j1", 3, 3h, {}, "running", 1800, {}),
                attempt("j2", 1, 0h, {}, "lost", 60, {}, "the session vanished"),
                attempt("j3", 1, 2h, 3h, "done", 3600, 0)};
  const auto r = make_report(g);
  REQUIRE(r.jobs.size() == 3);
  CHECK(r.jobs[0].attempts == 3);
  CHECK(near(r.jobs[0].kept_s, 8300));
  CHECK(near(r.jobs[0].open_s, 1800));
  CHECK(r.jobs[1].unknown == 1);
  CHECK(near(r.goodput.kept_s, 8300 + 60 + 3600));
  CHECK(near(r.goodput.lost_s, 700));
  CHECK(near(*r.goodput.share(), 11960.0 / 12660));
  REQUIRE(r.goodput.losses.size() == 1);
  CHECK(r.goodput.losses[0].why == "exit code 1");
  CHECK(r.goodput.losses[0].times == 2);
  CHECK(lost_text(r.jobs[1]) == "not known");
  CHECK_FALSE(make_report(empty_session()).goodput.share());
}

TEST_CASE("an attempt whose end nobody saw is drawn to the last that was heard of it") {
  auto g = empty_session(4h);
  g.attempts = {attempt("j1", 1, 0h, {}, "lost", 60, {}, "the session vanished")};
  g.events = {happened(50min, "warning", "j1")};
  const auto r = make_report(g);
  CHECK(r.jobs[0].runs[0].until == k_day + 50min);
  CHECK_FALSE(r.jobs[0].runs[0].end_known);
}

TEST_CASE("a report is about this session, one job, or a time") {
  auto g = empty_session(4h);
  g.attempts = {attempt("j1", 1, -20h, -19h, "done", 3600, 0),
                attempt("j1", 2, 1h, 2h, "done", 3600, 0),
                attempt("j2", 1, 2h, 3h, "done", 3600, 0)};
  g.attempts[0].session = "s0";
  g.session.ends_at = k_day + 5h;
  auto r = make_report(g);
  CHECK(r.jobs.size() == 2);
  CHECK(r.jobs[0].attempts == 1);
  CHECK(r.from == k_day);
  CHECK(r.until == k_day + 5h); // the end is near enough to be drawn
  g.session.ends_at = k_day + 12h;
  CHECK(make_report(g).until == g.now);
  g.scope.last = 48h;
  r = make_report(g);
  CHECK(r.jobs[0].attempts == 2);
  CHECK(r.from == k_day - 20h);
  CHECK_FALSE(r.of_this_session);
  g.scope = {"name-j1", {}};
  g.job_id = "j1";
  r = make_report(g);
  REQUIRE(r.jobs.size() == 1);
  CHECK(r.jobs[0].attempts == 2);
  CHECK(r.until == k_day + 2h);
  CHECK(r.uses.empty());
}

TEST_CASE("saves that would lie on each other are one mark with a count") {
  auto g = empty_session(10h);
  g.attempts = {attempt("j1", 1, 0h, {}, "running", 0, {})};
  for (int i = 0; i < 3000; ++i) {
    g.events.push_back(happened(i * 12s, "checkpoint", "j1"));
  }
  const auto r = make_report(g);
  CHECK(r.saves == 3000);
  CHECK(r.jobs[0].saves == 3000);
  CHECK(r.jobs[0].marks.size() < 200);
  int all = 0;
  for (const auto& m : r.jobs[0].marks) {
    all += m.count;
  }
  CHECK(all == 3000);
}

TEST_CASE("use is counted by local days, and a gap of nobody looking is none of idleness") {
  auto g = empty_session(12h);
  const auto today = midnight(g.now);
  g.uses = {{"gpu", today - 3h, today + 2h}, {"tpu", today - 100 * 24h, today - 99 * 24h}};
  g.gpus = {gpu_day(1, 12h)};
  auto& points = g.gpus[0].points;
  std::erase_if(points, [](const GpuPoint& p) { return p.at > k_day + 2h && p.at < k_day + 6h; });
  const auto r = make_report(g);
  REQUIRE(r.uses.size() == 1);
  REQUIRE(r.uses[0].days.size() == 7);
  CHECK(near(r.uses[0].days[6].seconds, to_seconds(std::min<Duration>(2h, g.now - today))));
  CHECK(near(r.uses[0].days[5].seconds, 3 * 3600));
  CHECK(r.uses[0].days[0].seconds == 0);
  REQUIRE(r.gpus.size() == 1);
  CHECK_FALSE(r.gpus[0].use[k_buckets / 3]); // in the middle of the gap
  CHECK(r.gpus[0].use[10]);
  CHECK(*r.gpus[0].mean_use > 50);
}

TEST_CASE("nothing that comes from outside is markup") {
  for (const auto& text : {report_html(make_report(hostile()))}) {
    CHECK(count(text, "<script") == 0);
    CHECK(count(text, "<img") == 0);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(count(text, "</title><s") == 0);
    CHECK(count(text, "&lt;script&gt;") > 5);
    CHECK(count(text, "\"'>") == 0);
  }
  const auto md = report_markdown(make_report(hostile()));
  CHECK(count(md, "<script") == 0);
  CHECK(count(md, "&lt;script&gt;") > 2);
  CHECK(escape_markup("<a href=\"x\" b='y'>&\n") ==
        "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\\x0a");
  CHECK(escape_markdown("a|b`c") == "a\\|b\\`c");
}

TEST_CASE("a page stands alone") {
  const auto html = report_html(make_report(full_session(3, 1)));
  CHECK(html.starts_with("<!DOCTYPE html>"));
  for (const char* part : {"http", "src=", "href", "<script", "@import", "url(h"}) {
    INFO(part);
    CHECK(count(html, part) == 0);
  }
  CHECK(count(html, "name=\"viewport\"") == 1);
  CHECK(count(html, "prefers-color-scheme:dark") == 1);
  // Each picture has a title and says in words what it shows.
  CHECK(count(html, "role=\"img\"") == count(html, "<desc id="));
  for (const char* part : {"Time line", "Work kept and lost", "Jobs", "GPU", "Use by day",
                           "Warnings and notices", "Tesla T4"}) {
    INFO(part);
    CHECK(count(html, part) > 0);
  }
}

TEST_CASE("what is not there is said once, in words") {
  auto g = empty_session(1h);
  g.gpu_note = "no NVIDIA library, no AMD GPU";
  const auto html = report_html(make_report(g));
  CHECK(count(html, "no NVIDIA library") == 1);
  CHECK(count(html, "No job has run") == 1);
  CHECK(count(html, "<h2>GPU") == 0);
  CHECK(count(report_markdown(make_report(g)), "no NVIDIA library") == 1);
}

TEST_CASE("a share that is not whole is not shown as whole") {
  CHECK(percent_text(100) == "100 %");
  CHECK(percent_text(99.99) == "99.9 %");
  CHECK(percent_text(0) == "0 %");
}

TEST_CASE("the document of a report has all, and null for what is not known") {
  auto g = empty_session(4h);
  g.attempts = {attempt("j2", 1, 0h, {}, "lost", 60, {}, "the session vanished")};
  g.gpus = {gpu_day(0, 4h)};
  const auto j = report_json(make_report(g));
  CHECK(j["v"] == 1);
  CHECK(j["jobs"][0]["attempts"][0]["lost_s"].is_null());
  CHECK(j["jobs"][0]["attempts"][0]["ended_at"].is_null());
  CHECK(j["goodput"]["unknown"] == 1);
  CHECK(j["gpus"][0]["use_percent"].size() == k_buckets);
}

TEST_CASE("what the daemon tells is read strictly") {
  const Json event{{"at", "2026-11-21T05:00:00Z"},
                   {"session", "s"},
                   {"kind", "warning"},
                   {"job", nullptr},
                   {"name", nullptr},
                   {"attempt", nullptr},
                   {"text", "t"}};
  CHECK(read_events({{"events", {event}}}));
  auto bad = event;
  bad["at"] = "yesterday";
  CHECK_FALSE(read_events({{"events", {bad}}}));
  CHECK_FALSE(read_events({{"events", 7}}));
  CHECK_FALSE(read_events(Json::object()));
  Json attempt{{"session", "s"},
               {"job", "j1"},
               {"name", "n"},
               {"attempt", 1},
               {"started_at", "2026-11-21T05:00:00Z"},
               {"ended_at", nullptr},
               {"state", "running"},
               {"kept_s", 1.5},
               {"lost_s", nullptr},
               {"why_lost", nullptr}};
  CHECK(read_attempts({{"attempts", {attempt}}}));
  attempt["kept_s"] = -1;
  CHECK_FALSE(read_attempts({{"attempts", {attempt}}}));
  attempt["kept_s"] = 1e300;
  CHECK_FALSE(read_attempts({{"attempts", {attempt}}}));
}

TEST_CASE("the history of GPUs is put together from its pages") {
  std::vector<GpuSeen> gpus;
  std::string note;
  const Json first{
      {"devices", {{{"uuid", "GPU-1"}, {"name", "T4"}, {"memory_total", 16e9}}}},
      {"sampling", {{"every_s", 1.0}, {"why", nullptr}}},
      {"history", {{{"gpu", "GPU-1"}, {"step_s", 60}, {"points", {{100, 50, 1e9, 40, nullptr}}}}}}};
  auto second = first;
  second["history"][0]["points"] = {{160, nullptr, 1e9, 40, 1000}};
  REQUIRE(read_gpus(first, gpus, note));
  REQUIRE(read_gpus(second, gpus, note));
  REQUIRE(gpus.size() == 1);
  REQUIRE(gpus[0].points.size() == 2);
  CHECK(gpus[0].points[0].use_percent == 50);
  CHECK_FALSE(gpus[0].points[1].use_percent);
  CHECK(note.empty());
  auto bad = first;
  bad["history"][0]["points"] = {{"now", 1}};
  CHECK_FALSE(read_gpus(bad, gpus, note));
  auto odd = first;
  odd["devices"][0]["memory_total"] = 0;
  odd["history"][0]["points"] = {{200, 1e300, -5, 1e19, 7}};
  gpus.clear();
  REQUIRE(read_gpus(odd, gpus, note));
  CHECK_FALSE(gpus[0].memory_total);
  CHECK_FALSE(gpus[0].points[0].use_percent);
  CHECK_FALSE(gpus[0].points[0].memory_used);
  CHECK(gpus[0].points[0].power_mw == 7);
  const Json none{{"devices", Json::array()},
                  {"history", Json::array()},
                  {"sampling", {{"every_s", nullptr}, {"why", "no NVIDIA library"}}}};
  REQUIRE(read_gpus(none, gpus, note));
  CHECK(note == "no NVIDIA library");
}

TEST_CASE("the page of a session of twelve hours is small, and soon made") {
  const auto gathered = full_session(40, 8);
  const auto begin = read_clocks().boot;
  const auto html = report_html(make_report(gathered));
  const auto took = read_clocks().boot - begin;
  INFO("page of " << html.size() / 1000 << " kB in " << to_seconds(took) * 1000 << " ms");
  CHECK(html.size() < 1'000'000);
  // Of the 300 ms that all may take; a sanitized or a crowded build is given more.
  CHECK(took < 3s);
}
