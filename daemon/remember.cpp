// SPDX-License-Identifier: Apache-2.0
#include "daemon/remember.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/durable/manifest.h"
#include "daemon/jobs/rebuild.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob {

namespace {

std::optional<platform::SessionSettings> read_settings(const std::string& text) {
  auto j = json::parse(text, "stored session");
  auto read = j ? platform::settings_from_json(*j) : Result<platform::SessionSettings>(j.error());
  if (!read) {
    log_line(read.error().text + ": resolved anew");
    return std::nullopt;
  }
  return std::move(*read);
}

Result<Remembered> open_store(const StatePaths& state, const std::string& vm_id) {
  Remembered r;
  auto store = store::Store::open(state.database(), vm_id);
  if (!store) {
    return store.error();
  }
  auto session = (*store)->load_session();
  auto jobs =
      session ? (*store)->load_jobs() : Result<std::vector<store::StoredJob>>(session.error());
  if (!jobs) {
    return jobs.error();
  }
  r.settings = *session ? read_settings((*session)->settings) : std::nullopt;
  r.jobs = std::move(*jobs);
  r.store = std::move(*store);
  return r;
}

/// The checkpoints of a job whose row is lost, from the manifests of this machine. Without them the
/// next ones would take numbers that are used, and count as older than what is stored.
std::vector<policy::Checkpoint> read_checkpoints(const StatePaths& state, const policy::JobId& id) {
  std::vector<policy::Checkpoint> list;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(state.job_dir(id) + "/manifests", ignored)) {
    const auto m = durable::read_manifest(entry.path().string());
    if (!m) {
      continue;
    }
    policy::Checkpoint c;
    c.seq = static_cast<int>(m->seq);
    c.attempt = m->attempt;
    c.state = policy::CheckpointState::verified;
    c.path = m->source;
    c.step = m->step;
    c.how = m->how;
    c.at = wall_from_ns(m->at_ns);
    c.bytes = static_cast<std::int64_t>(m->bytes());
    c.manifest = entry.path().string();
    list.push_back(std::move(c));
  }
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.seq < b.seq; });
  return list;
}

/// Without its database: what runs is known from its own records, the session from its second copy,
/// what is durable from there; the rest of the list is lost.
void rebuild(Remembered& r, const StatePaths& state, const std::string& vm_id,
             const std::string& why) {
  constexpr std::size_t k_max_session = 1U << 20U;
  if (const auto text = read_file(state.session(), k_max_session)) {
    r.settings = read_settings(*text);
  }
  for (auto& job : jobs::rebuild_living(state, read_clocks())) {
    job.checkpoints = read_checkpoints(state, job.id);
    r.jobs.push_back({std::move(job), vm_id});
  }
  r.note = fmt::format("{}; jobs that run go on ({}), those that had ended are no longer listed",
                       why, r.jobs.size());
  log_line(r.note);
}

/// A damaged database is kept under another name.
Result<Remembered> start_over(const StatePaths& state, const std::string& vm_id,
                              const Error& damage) {
  const auto now = read_clocks();
  const auto aside =
      fmt::format("{}.damaged-{}", state.database(), to_ns(now.wall) / 1'000'000'000);
  for (const char* part : {"", "-wal", "-shm"}) {
    if (::rename((state.database() + part).c_str(), (aside + part).c_str()) != 0 &&
        errno != ENOENT) {
      return io_error("rename", state.database() + part, errno);
    }
  }
  auto r = open_store(state, vm_id);
  if (!r) {
    return r;
  }
  rebuild(*r, state, vm_id, fmt::format("{}: kept as {}", damage.text, aside));
  return r;
}

} // namespace

Result<Remembered> remember(const StatePaths& state, const std::string& vm_id) {
  std::error_code ignored;
  const bool is_new = !std::filesystem::exists(state.database(), ignored);
  auto remembered = open_store(state, vm_id);
  if (remembered && is_new && std::filesystem::exists(state.session(), ignored)) {
    rebuild(*remembered, state, vm_id, state.database() + ": is gone");
  }
  if (!remembered && remembered.error().code == Errc::bad_data) {
    // SQLite calls it damaged, too, when a page could not be read (EIO): perhaps only just now.
    remembered = open_store(state, vm_id);
  }
  if (!remembered && remembered.error().code == Errc::bad_data) {
    remembered = start_over(state, vm_id, remembered.error());
  }
  return remembered;
}

json::Json read_notices(const StatePaths& state, const std::string& session) {
  constexpr std::size_t k_max_file = 16U << 10U;
  const auto text = read_file(state.notices(), k_max_file);
  const auto j = text ? json::parse(*text, "notices") : Result<json::Json>(text.error());
  const bool ours = j && j->is_object() && j->value("session", json::Json()) == json::Json(session);
  return ours ? j->value("notices", json::Json::object()) : json::Json::object();
}

std::vector<platform::Said> read_said_here(const StatePaths& state) {
  constexpr std::size_t k_max_file = 16U << 10U;
  std::vector<platform::Said> out;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(state.said_dir(), ignored)) {
    const auto text = read_file(entry.path().string(), k_max_file);
    const auto j = text ? json::parse(*text, "said") : Result<json::Json>(text.error());
    if (auto said = j ? platform::said_from_json(*j) : Result<platform::Said>(j.error())) {
      out.push_back(std::move(*said));
    }
  }
  return out;
}

} // namespace gpujob
