// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/ledger.h"

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

constexpr std::int64_t k_ledger_version = 1;
constexpr std::size_t k_max_ledger_bytes = 1U << 20U;
/// Open sessions keep their first heartbeat and this many of the newest.
constexpr std::int64_t k_kept = 64;
/// A lease that is not renewed in a day is none.
constexpr double k_max_interval_s = 86400;

std::string heartbeat_path(const std::string& session_dir, std::int64_t seq) {
  return fmt::format("{}/{}.json", session_dir, seq);
}

/// The numbers of the heartbeats there, ascending.
Result<std::vector<std::int64_t>> seqs_in(const std::string& session_dir) {
  const auto names = names_in(session_dir);
  if (!names) {
    return names.error();
  }
  std::vector<std::int64_t> seqs;
  for (const auto& entry : *names) {
    if (entry.ends_with(".json")) {
      if (const auto seq = parse_seq(std::string_view(entry).substr(0, entry.size() - 5))) {
        seqs.push_back(*seq);
      }
    }
  }
  std::sort(seqs.begin(), seqs.end());
  return seqs;
}

Result<nlohmann::json> read_json(const std::string& path) {
  const auto text = read_file(path, k_max_ledger_bytes);
  return text ? json::parse(*text, path) : Result<nlohmann::json>(text.error());
}

Result<Heartbeat> read_heartbeat(const std::string& path) {
  const auto j = read_json(path);
  return j ? heartbeat_from_json(*j) : Result<Heartbeat>(j.error());
}

struct Closed {
  Heartbeat first, last;
  std::int64_t count = 0;
};

Result<Heartbeat> member(json::Reader& r, const char* key) {
  const auto* j = r.find(key);
  if (j == nullptr) {
    r.fail(key, "is missing");
    return r.error();
  }
  return heartbeat_from_json(*j);
}

Result<Closed> read_closed(const std::string& session_dir) {
  const auto j = read_json(session_dir + "/" + name::k_closed);
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, name::k_closed);
  const auto count = r.integer("count");
  auto first = member(r, "first");
  auto last = member(r, "last");
  if (!r.ok()) {
    return r.error();
  }
  if (!first || !last) {
    return first ? last.error() : first.error();
  }
  return Closed{std::move(*first), std::move(*last), count};
}

/// What the session has been so far, from the files that can be read.
Closed gather(const std::string& session_dir, const std::vector<std::int64_t>& seqs,
              const Heartbeat& last) {
  const auto before = read_closed(session_dir);
  Closed all{before ? before->first : last, last, (before ? before->count : 0) + 1};
  for (const auto seq : seqs) {
    auto h = read_heartbeat(heartbeat_path(session_dir, seq));
    if (h && h->seq < all.first.seq) {
      all.first = std::move(*h);
    }
    ++all.count;
  }
  return all;
}

Result<void> close_session(const std::string& dir, const Heartbeat& h) {
  const auto session = session_dir(dir, h.session);
  const auto numbers = seqs_in(session);
  if (!numbers) {
    return numbers.error();
  }
  const auto all = gather(session, *numbers, h);
  const nlohmann::json j{{"v", k_ledger_version},
                         {"session", h.session},
                         {"first", to_json(all.first)},
                         {"last", to_json(all.last)},
                         {"count", all.count}};
  GPUJOB_TRY(put_file(dir, session + "/" + name::k_closed, json::dump(j) + "\n"));
  for (const auto seq : *numbers) {
    ::unlink(heartbeat_path(session, seq).c_str());
  }
  return {};
}

/// The highest number that reads, or what closed.json says when that is higher.
std::optional<Heartbeat> newest_of(const std::string& session_dir, Problems& problems) {
  std::optional<Heartbeat> best;
  if (auto closed = read_closed(session_dir)) {
    best = std::move(closed->last);
  } else if (closed.error().code != Errc::not_found) {
    problems.pass_over(session_dir, closed.error());
  }
  auto seqs = seqs_in(session_dir);
  if (!seqs) {
    problems.pass_over(session_dir, seqs.error());
    return best;
  }
  std::reverse(seqs->begin(), seqs->end());
  for (const auto seq : *seqs) {
    if (best && best->seq >= seq) {
      break;
    }
    auto h = read_heartbeat(heartbeat_path(session_dir, seq));
    if (h) {
      return std::move(*h);
    }
    problems.pass_over(heartbeat_path(session_dir, seq), h.error());
  }
  return best;
}

} // namespace

nlohmann::json to_json(const Heartbeat& h) {
  return {{"v", k_ledger_version},
          {"session", h.session},
          {"seq", h.seq},
          {"at_ns", h.at_ns},
          {"ends_at_ns", h.ends_at_ns ? nlohmann::json(*h.ends_at_ns) : nlohmann::json()},
          {"interval_s", h.interval_s},
          {"jobs", h.jobs},
          {"closed", h.closed},
          {"platform", h.platform},
          {"resource", h.resource},
          {"machine", h.machine},
          {"began_ns", h.began_ns ? nlohmann::json(*h.began_ns) : nlohmann::json()}};
}

Result<Heartbeat> heartbeat_from_json(const nlohmann::json& j) {
  json::Reader r(j, "heartbeat");
  if (r.integer_or("v", k_ledger_version) != k_ledger_version) {
    r.fail("v", "is not a version this program reads");
  }
  Heartbeat h;
  h.session = r.text("session");
  h.seq = r.integer_in("seq", 1, k_max_number);
  h.at_ns = to_ns(r.wall_time("at_ns"));
  if (const auto ends = r.maybe_wall_time("ends_at_ns")) {
    h.ends_at_ns = to_ns(*ends);
  }
  h.interval_s = r.maybe_number("interval_s").value_or(0);
  h.jobs = r.texts_or_empty("jobs");
  h.closed = r.boolean_or("closed", false);
  h.platform = r.text_or("platform", "");
  h.resource = r.text_or("resource", "");
  h.machine = r.text_or("machine", "");
  if (const auto began = r.maybe_wall_time("began_ns")) {
    h.began_ns = to_ns(*began);
  }
  if (r.ok() && (!is_id(h.session) || h.interval_s < 0 || h.interval_s > k_max_interval_s)) {
    r.fail("session", "session or interval_s is not valid");
  }
  if (!r.ok()) {
    return r.error();
  }
  return h;
}

Result<void> write_heartbeat(const std::string& dir, const Heartbeat& h) {
  if (h.closed) {
    return close_session(dir, h);
  }
  const auto session = session_dir(dir, h.session);
  // A daemon that could not read the directory when it started does not know how far it had come;
  // only the highest number counts.
  auto next = h;
  const auto seqs = seqs_in(session);
  if (!seqs) {
    return seqs.error();
  }
  const auto closed = read_closed(session);
  next.seq =
      std::max({h.seq, seqs->empty() ? 1 : seqs->back() + 1, closed ? closed->last.seq + 1 : 1});
  GPUJOB_TRY(put_file(dir, heartbeat_path(session, next.seq), json::dump(to_json(next)) + "\n"));
  for (const auto seq : *seqs) {
    if (seq > 1 && seq <= next.seq - k_kept) { // the first says when the session began
      ::unlink(heartbeat_path(session, seq).c_str());
    }
  }
  return {};
}

std::vector<Heartbeat> newest_heartbeats(const std::vector<std::string>& dirs, Problems& problems) {
  std::map<std::string, Heartbeat> newest;
  for (const auto& dir : dirs) {
    const auto sessions = names_in(dir + "/ledger");
    if (!sessions) {
      problems.pass_over(dir + "/ledger", sessions.error());
      continue;
    }
    for (const auto& session : *sessions) {
      if (!is_id(session)) {
        problems.pass_over(dir + "/ledger/" + session + ": is no session of ours");
        continue;
      }
      auto h = newest_of(session_dir(dir, session), problems);
      if (h && h->session == session &&
          (!newest.contains(session) || newest[session].seq < h->seq)) {
        newest[session] = std::move(*h);
      }
    }
  }
  std::vector<Heartbeat> out;
  for (auto& [session, h] : newest) {
    out.push_back(std::move(h));
  }
  return out;
}

} // namespace gpujob::durable
