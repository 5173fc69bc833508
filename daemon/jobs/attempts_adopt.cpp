// SPDX-License-Identifier: Apache-2.0
#include "common/proc.h"
#include "daemon/jobs/attempt_files.h"
#include "daemon/jobs/attempts.h"
#include "daemon/jobs/orphans.h"
#include "daemon/jobs/tracked_attempt.h"

#include <utility>
#include <vector>

/// What became of attempts that another daemon began.
namespace gpujob::jobs {

using namespace std::chrono_literals;

namespace {
/// Between looks for the start record of a shim that lives but has not written it.
constexpr auto k_find_every = 50ms;

/// What the daemon before had heard of and not found wanting.
std::vector<KnownCheckpoint> heard_of(const policy::Job& job) {
  std::vector<KnownCheckpoint> list;
  for (const auto& c : job.checkpoints) {
    if (!c.signature.empty() && c.state != policy::CheckpointState::rejected) {
      list.push_back({c.path, c.signature});
    }
  }
  return list;
}
} // namespace

void Attempts::adopt(const policy::Job& job, bool same_vm) {
  auto& t = track(job);
  t.watch.known(heard_of(job));
  if (same_vm && shim_alive(t.dir)) {
    connect(t);
    find_shim(job.id);
    return;
  }
  const bool ended = left_behind(t.dir, attempt_file::k_exit);
  const bool began = ended || left_behind(t.dir, attempt_file::k_start);
  if (same_vm && !began && job.journal_seq == 0) {
    m_tracked.erase(job.id);
    end_orphans(job.id);
    m_post(policy::NeverStarted{job.id, job.attempt});
    return;
  }
  if (same_vm || ended) {
    t.same_vm = same_vm;
    on_gone(job.id);
    return;
  }
  auto left = read_journal(t.dir, t.last_seq);
  for (auto& record : left ? *left : std::vector<journal::Record>{}) {
    on_record(t, std::move(record));
  }
  m_tracked.erase(job.id);
  m_post(policy::ShimGone{job.id, job.attempt, std::nullopt, false});
}

void Attempts::sweep_sockets() {
  m_sockets.sweep_all([this](const policy::JobId& id, int attempt) {
    const auto it = m_tracked.find(id);
    return it != m_tracked.end() && it->second->attempt == attempt;
  });
}

void Attempts::find_shim(const policy::JobId& id) {
  const auto it = m_tracked.find(id);
  if (it == m_tracked.end()) {
    return;
  }
  auto& t = *it->second;
  if (const auto start = read_start(t.dir)) {
    if (auto pidfd = proc::open_pidfd(start->shim_pid, start->shim_start_ticks)) {
      watch_shim(t, std::move(pidfd));
      return;
    }
  }
  if (!shim_alive(t.dir)) {
    on_gone(id);
    return;
  }
  t.find.expires_after(k_find_every);
  t.find.async_wait([this, id](const boost::system::error_code& error) {
    if (!error) {
      find_shim(id);
    }
  });
}

} // namespace gpujob::jobs
