// SPDX-License-Identifier: Apache-2.0
// What daemon, shim and job say to one another, each line as any of it: the ops hello, plan and
// checkpoint of the link (with common/plan.h) and the course that the shim takes by them; every
// kind of journal record, as the daemon applies it; a job's sd_notify datagrams and the sentinels
// in its output, with the journal records that become of them.
#include "daemon/shim/link.h"
#include "common/frame.h"
#include "daemon/ipc/view.h"
#include "daemon/shim/course.h"
#include "daemon/shim/hearing.h"
#include "daemon/shim/output.h"
#include "tests/fuzz/fuzz.h"
#include "tests/policy/fixture.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using fuzz::expect;

namespace {

const Now k_now{boot_from_ns(1'000'000'000'000), wall_from_ns(1'790'000'000'000'000'000)};

/// Everything falls due once, in order, and then nothing more.
void check_course(const Plan& plan) {
  using shim::Course;
  Course course(plan, k_now.boot);
  course.set_plan(plan, k_now.boot);
  (void)course.extend(std::chrono::minutes{5}, k_now.boot);
  auto last = Course::Act::none;
  auto now = k_now.boot;
  while (const auto next = course.next()) {
    now = std::max(now, *next);
    const auto act = course.due(now);
    expect(act > last, "request, TERM and KILL come in this order");
    last = act;
    if (act == Course::Act::request) {
      course.request_sent(now);
    } else if (act == Course::Act::term) {
      course.term_sent(now);
    } else {
      course.kill_sent(now);
    }
  }
}

void check_plan(const Plan& plan) {
  (void)fuzz::check_round(
      to_json(plan).dump(),
      [](std::string_view text) { return plan_from_json(nlohmann::json::parse(text)); },
      [](const Plan& p) { return to_json(p).dump(); });
  check_course(plan);
}

void check_command(std::string_view line) {
  const auto command = shim::parse_command(line);
  fuzz::expect_said(command);
  if (const auto* plan = command ? std::get_if<shim::NewPlan>(&*command) : nullptr) {
    check_plan(plan->plan);
  }
}

/// The daemon's side: a job that runs under a limit, with one checkpoint already.
void check_applied(const std::vector<journal::Record>& records) {
  static const auto start = [] {
    test::Bench b;
    b.now = k_now;
    b.session(std::chrono::hours{9}, std::chrono::minutes{10});
    b.durable();
    b.run();
    b.saved("/out/1.pt", "s1");
    b.secured(true, "stored");
    return b;
  }();
  auto b = start;
  for (const auto& record : records) {
    const auto signature = "s" + std::to_string(record.seq);
    b.step(policy::ShimRecord{"j1", 1, record, signature, "/out/found.pt"});
    const auto view = ipc::job_view(b.w, b.job(), {"/state"}, b.now);
    expect(view.dump().size() < k_max_frame, "a view fits a frame");
  }
  b.gone(b.exit_record(0));
}

void check_notice(const std::string& datagram, const std::vector<std::string>& sentinels) {
  // It cannot be opened: the journal stays in memory.
  shim::JournalFile journal("/nonexistent/journal.jsonl");
  shim::Hearing hearing(journal, "/work");
  hearing.hear(shim::parse_notice(datagram), k_now);
  for (const auto& path : sentinels) {
    hearing.hear_sentinel(path, k_now);
  }
  hearing.flush(k_now);
  shim::JournalFile::Cursor cursor;
  FrameReader frames;
  for (auto lines = journal.read(cursor, 4096); !lines.empty();
       lines = journal.read(cursor, 4096)) {
    expect(frames.feed(lines), "a record fits a frame");
    while (const auto line = frames.next()) {
      expect(journal::decode(*line).has_value(), "what the shim writes can be read", *line);
    }
  }
}

std::vector<std::string> find_sentinels(std::string_view output, std::size_t piece) {
  shim::SentinelScanner scanner;
  std::vector<std::string> found;
  for (; !output.empty(); output.remove_prefix(std::min(piece, output.size()))) {
    for (auto& path : scanner.feed(output.substr(0, piece))) {
      found.push_back(std::move(path));
    }
  }
  for (auto& path : scanner.finish()) {
    found.push_back(std::move(path));
  }
  return found;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::expand(data, size);
  FrameReader frames;
  if (frames.feed(input + "\n")) {
    std::vector<journal::Record> records;
    while (const auto line = frames.next()) {
      check_command(*line);
      auto record = fuzz::check_round(*line, journal::decode,
                                      [](const journal::Record& r) { return journal::encode(r); });
      if (record) {
        records.push_back(std::move(*record));
      }
    }
    check_applied(records);
  }
  const auto sentinels = find_sentinels(input, input.size());
  expect(sentinels == find_sentinels(input, 1 + size % 100), "the same sentinels in pieces");
  check_notice(input, sentinels);
  return 0;
}
