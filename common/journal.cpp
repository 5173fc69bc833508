// SPDX-License-Identifier: Apache-2.0
#include "common/journal.h"

#include "common/json.h"

#include <limits>
#include <map>
#include <nlohmann/json.hpp>

namespace gpujob::journal {

namespace {

using gpujob::json::Reader;
using json::Json;

struct Writer {
  Json operator()(const Started& b) const {
    return {{"kind", "started"}, {"child_pid", b.child_pid}};
  }
  Json operator()(const Ready&) const { return {{"kind", "ready"}}; }
  Json operator()(const Status& b) const { return {{"kind", "status"}, {"text", b.text}}; }
  Json operator()(const Progress& b) const { return {{"kind", "progress"}, {"value", b.value}}; }
  Json operator()(const Catches& b) const {
    return {{"kind", "catches"}, {"signal", b.signal}, {"pid", b.pid}};
  }
  Json operator()(const Requested& b) const {
    return {{"kind", "requested"},
            {"request", b.request},
            {"final", b.final},
            {"signal", b.signal},
            {"targets", b.targets}};
  }
  Json operator()(const Checkpoint& b) const {
    Json j{{"kind", "checkpoint"}, {"how", b.how}, {"path", gpujob::json::from_bytes(b.path)}};
    if (b.step) {
      j["step"] = *b.step;
    }
    return j;
  }
  Json operator()(const RouteFailed& b) const {
    return {{"kind", "route_failed"}, {"route", b.route}, {"why", b.why}};
  }
  Json operator()(const Recipe& b) const {
    return {{"kind", "recipe"}, {"name", b.name}, {"why", b.why}, {"exits", b.exits}};
  }
  Json operator()(const DoneMark&) const { return {{"kind", "done_mark"}}; }
  Json operator()(const Stopping&) const { return {{"kind", "stopping"}}; }
  Json operator()(const Extended& b) const {
    return {{"kind", "extended"}, {"term_at_ns", to_ns(b.term_at)}};
  }
  Json operator()(const TermSent& b) const {
    return {{"kind", "term_sent"}, {"reason", to_text(b.reason)}};
  }
  Json operator()(const KillSent& b) const {
    return {{"kind", "kill_sent"}, {"reason", to_text(b.reason)}};
  }
  Json operator()(const LeaderExited& b) const {
    Json j{{"kind", "leader_exited"}};
    if (b.code) {
      j["code"] = *b.code;
    }
    if (b.signal) {
      j["signal"] = *b.signal;
    }
    return j;
  }
};

int to_int(Reader& r, const char* key) {
  const auto value = r.integer(key);
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
    r.fail(key, "is out of range");
    return 0;
  }
  return static_cast<int>(value);
}

std::optional<int> maybe_int(Reader& r, const char* key) {
  return r.find(key) == nullptr ? std::nullopt : std::optional(to_int(r, key));
}

EndReason reason(Reader& r) {
  const auto found = end_reason_from_text(r.text("reason"));
  if (!found) {
    r.fail("reason", "is not a known reason");
  }
  return found.value_or(EndReason::session_limit);
}

Body read_requested(Reader& r) {
  constexpr std::int64_t k_most = 1'000'000'000'000; // counted by one
  return Requested{r.integer_in("request", 0, k_most), r.boolean_or("final", false),
                   r.text("signal"), r.integers_or_empty("targets")};
}

Body read_checkpoint(Reader& r) {
  return Checkpoint{r.text("how"), r.bytes("path"), r.maybe_integer("step")};
}

using ReadBody = Body (*)(Reader&);

const std::map<std::string, ReadBody, std::less<>>& readers() {
  static const std::map<std::string, ReadBody, std::less<>> table{
      {"started", [](Reader& r) -> Body { return Started{to_int(r, "child_pid")}; }},
      {"ready", [](Reader&) -> Body { return Ready{}; }},
      {"status", [](Reader& r) -> Body { return Status{r.text("text")}; }},
      {"progress", [](Reader& r) -> Body { return Progress{r.maybe_number("value").value_or(0)}; }},
      {"catches",
       [](Reader& r) -> Body {
         return Catches{r.text("signal"), to_int(r, "pid")};
       }},
      {"requested", read_requested},
      {"checkpoint", read_checkpoint},
      {"route_failed",
       [](Reader& r) -> Body {
         return RouteFailed{r.text("route"), r.text("why")};
       }},
      {"recipe",
       [](Reader& r) -> Body {
         return Recipe{r.text("name"), r.text("why"), r.boolean_or("exits", false)};
       }},
      {"done_mark", [](Reader&) -> Body { return DoneMark{}; }},
      {"stopping", [](Reader&) -> Body { return Stopping{}; }},
      {"extended", [](Reader& r) -> Body { return Extended{r.boot_time("term_at_ns")}; }},
      {"term_sent", [](Reader& r) -> Body { return TermSent{reason(r)}; }},
      {"kill_sent", [](Reader& r) -> Body { return KillSent{reason(r)}; }},
      {"leader_exited",
       [](Reader& r) -> Body {
         return LeaderExited{maybe_int(r, "code"), maybe_int(r, "signal")};
       }},
  };
  return table;
}

} // namespace

std::string encode(const Record& record) {
  auto j = std::visit(Writer{}, record.body);
  j["seq"] = record.seq;
  j["boot_ns"] = to_ns(record.boot);
  j["wall_ns"] = to_ns(record.wall);
  return gpujob::json::dump(j) + "\n";
}

Result<Record> decode(std::string_view line) {
  auto j = gpujob::json::parse(line, "journal record");
  if (!j) {
    return j.error();
  }
  Reader r(*j, "journal record");
  Record record;
  record.seq = r.integer("seq");
  record.boot = r.boot_time("boot_ns");
  record.wall = r.wall_time("wall_ns");
  const auto it = readers().find(r.text("kind"));
  if (it == readers().end()) {
    r.fail("kind", "is not a known kind");
  } else {
    record.body = it->second(r);
  }
  if (!r.ok()) {
    return r.error();
  }
  return record;
}

} // namespace gpujob::journal
