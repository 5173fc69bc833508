// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/attempts.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/launch.h"
#include "common/log.h"
#include "common/text.h"
#include "daemon/jobs/attempt_files.h"
#include "daemon/jobs/orphans.h"
#include "daemon/jobs/shim_link.h"
#include "daemon/jobs/tracked_attempt.h"
#include "daemon/process/launcher.h"
#include "daemon/process/pid_watch.h"

#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <fmt/format.h>

namespace gpujob::jobs {

using namespace std::chrono_literals;

namespace {
/// How often checkpoint directories are looked at: half the settle time.
constexpr auto k_look_every = 1s;
/// How many of these looks are one look at the output: a progress bar is for people.
constexpr unsigned k_output_every = 5;
/// What a shim left and cannot be read now is asked for again: a mount that is back in a minute
/// costs no exit code.
constexpr auto k_read_every = 1s;
constexpr int k_most_reads = 60;
} // namespace

Attempts::Attempts(boost::asio::io_context& io, Places places, Post post, KeepCommandLine keep)
    : m_io(io), m_places(std::move(places)), m_post(std::move(post)), m_keep(std::move(keep)),
      m_look(io), m_sockets(io, m_places.runtime) {}

Attempts::~Attempts() = default;

Attempts::Tracked& Attempts::track(const policy::Job& job) {
  auto& slot = m_tracked[job.id];
  slot = std::make_unique<Tracked>(m_io, job, m_places);
  if (m_tracked.size() == 1) {
    arm_look();
  }
  return *slot;
}

void Attempts::launch(const policy::Job& job, const Plan& plan, int command_line,
                      std::optional<WallTime> deadline) {
  if (auto started = start_shim(job, plan, command_line, deadline); !started) {
    m_tracked.erase(job.id);
    m_post(policy::LaunchFailed{job.id, job.attempt, started.error().text});
  }
}

Result<void> Attempts::start_shim(const policy::Job& job, const Plan& plan, int command_line,
                                  std::optional<WallTime> deadline) {
  const auto dir = m_places.state.attempt_dir(job.id, job.attempt);
  GPUJOB_TRY(make_directories(dir));
  GPUJOB_TRY(make_directories(m_places.state.checkpoint_dir(job.id)));
  auto lock = lock_file(dir + "/" + attempt_file::k_lock);
  if (!lock) {
    return lock.error();
  }
  const auto launch = make_launch(m_places, job, plan, deadline);
  // Not fsynced: after a crash of the machine there is no shim that would read it.
  GPUJOB_TRY(atomic_publish(dir + "/" + attempt_file::k_launch, encode(launch)));
  auto log = open_file(dir + "/" + attempt_file::k_shim_log, O_WRONLY | O_CREAT | O_APPEND);
  if (!log) {
    return log.error();
  }
  auto& t = track(job);
  m_post(policy::BaselineTaken{job.id, job.attempt, t.watch.baseline()});
  auto started = process::start({m_places.shim_exe, {dir}, command_line, lock->get(), log->get()});
  if (!started) {
    end_orphans(job.id); // it may have come as far as the job
    return started.error();
  }
  log_line(fmt::format("job={} attempt={} shim={} started", job.id, job.attempt, started->pid));
  watch_shim(t, std::move(started->pidfd));
  connect(t);
  return {};
}

void Attempts::watch_shim(Tracked& t, Fd pidfd) {
  t.shim = std::make_unique<process::PidWatch>(m_io, std::move(pidfd),
                                               [this, id = t.id] { on_gone(id); });
}

void Attempts::connect(Tracked& t) {
  const auto path = m_places.runtime.link_socket(t.id, t.attempt);
  auto* tracked = &t; // the link is a member of it
  t.link = std::make_unique<ShimLink>(
      m_io, path,
      ShimLink::Handlers{[this, tracked](journal::Record r) { on_record(*tracked, std::move(r)); },
                         [this, tracked](Fd fd) { m_keep(tracked->id, std::move(fd)); },
                         [tracked] { return tracked->last_seq; }, [] {}});
}

void Attempts::on_record(Tracked& t, journal::Record record) {
  if (record.seq <= t.last_seq) {
    return;
  }
  t.last_seq = record.seq;
  policy::ShimRecord event{t.id, t.attempt, std::move(record), {}, {}};
  if (const auto* c = std::get_if<journal::Checkpoint>(&event.record.body)) {
    if (!c->path.empty()) {
      event.signature = signature_of(c->path);
      t.watch.known({{c->path, event.signature}});
    } else if (auto found = t.watch.look(read_clocks().boot, true); !found.empty()) {
      event.found = found.back().path;
      event.signature = found.back().signature;
    }
  }
  m_post(std::move(event));
}

void Attempts::on_gone(const policy::JobId& id) {
  const auto it = m_tracked.find(id);
  if (it == m_tracked.end()) {
    return;
  }
  auto left = read_journal(it->second->dir, it->second->last_seq);
  auto read = read_exit_record(it->second->dir);
  if (!(left && read) && read_later(*it->second, left ? read.error() : left.error())) {
    return;
  }
  const auto t = std::move(it->second);
  m_tracked.erase(it);
  // Whatever the link had not delivered yet is in the journal.
  for (auto& record : left ? *left : std::vector<journal::Record>{}) {
    on_record(*t, std::move(record));
  }
  auto record = read ? std::move(*read) : std::nullopt;
  if (!record) {
    const int ended = end_orphans(id);
    log_line(fmt::format("job={} attempt={} shim lost: ended {} processes of the job", id,
                         t->attempt, ended));
  }
  // The tree is gone, so nothing is being written any more: no settle time.
  const bool by_exit = record && record->code == 85;
  for (auto& found : t->watch.look(read_clocks().boot, true)) {
    m_post(policy::CheckpointFound{
        id, t->attempt, found.path, found.signature, by_exit ? "exit" : "files", {}});
  }
  m_post(policy::ShimGone{id, t->attempt, std::move(record), t->same_vm});
  m_sockets.ended(id, t->attempt);
}

/// False when it was tried often enough.
bool Attempts::read_later(Tracked& t, const Error& why) {
  if (t.failed_reads == 0) {
    log_line(fmt::format("job={} attempt={} records: {}: trying again", t.id, t.attempt, why.text));
  }
  if (++t.failed_reads > k_most_reads) {
    return false;
  }
  t.find.expires_after(k_read_every);
  t.find.async_wait([this, id = t.id](const boost::system::error_code& error) {
    if (!error) {
      on_gone(id);
    }
  });
  return true;
}

void Attempts::send_plan(const policy::JobId& id, const Plan& plan) {
  if (const auto it = m_tracked.find(id); it != m_tracked.end() && it->second->link) {
    it->second->link->send_plan(plan);
  }
}

void Attempts::send_request(const policy::JobId& id, std::int64_t number) {
  if (const auto it = m_tracked.find(id); it != m_tracked.end() && it->second->link) {
    it->second->link->send_request(number);
  }
}

void Attempts::arm_look() {
  m_look.expires_after(k_look_every);
  m_look.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      look_for_checkpoints();
      look_at_output();
    }
  });
}

void Attempts::look_at_output() {
  if (m_looks++ % k_output_every != 0) {
    return;
  }
  for (auto& [id, t] : m_tracked) {
    if (auto bar = t->output.look()) {
      m_post(policy::ProgressSeen{id, t->attempt, bar->done, bar->left, std::move(bar->rate)});
    }
  }
}

void Attempts::look_for_checkpoints() {
  const auto now = read_clocks().boot;
  for (auto& [id, t] : m_tracked) {
    for (auto& found : t->watch.look(now, false)) {
      m_post(policy::CheckpointFound{id, t->attempt, found.path, found.signature, "files",
                                     found.since});
    }
    // For whoever wonders why a file that is there does not count.
    for (const auto& passed : t->watch.take_passed_over()) {
      log_line(fmt::format("job={} attempt={} no checkpoint: {}: {}", id, t->attempt,
                           printable(passed.path), printable(passed.why)));
    }
  }
  if (!m_tracked.empty()) {
    arm_look();
  }
}

} // namespace gpujob::jobs
