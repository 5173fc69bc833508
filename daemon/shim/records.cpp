// SPDX-License-Identifier: Apache-2.0
// The records within Shim: start.json, exit.json, and what could not be written yet.
#include "common/file.h"
#include "common/log.h"
#include "common/proc.h"
#include "daemon/shim/oom.h"
#include "daemon/shim/shim.h"

#include <algorithm>
#include <cerrno>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace gpujob::shim {

namespace {

constexpr Duration k_retry_interval = std::chrono::seconds{1};
constexpr Duration k_journal_patience = std::chrono::seconds{10};
constexpr std::size_t k_all_datagrams = 65536;

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

std::uint64_t start_ticks(int pid) {
  const auto stat = proc::read_stat(pid);
  return stat ? stat->start_ticks : 0;
}

} // namespace

void Shim::write_start_record(Now now) {
  if (m_start.child_pid == 0) {
    m_start.shim_pid = ::getpid();
    m_start.shim_start_ticks = start_ticks(::getpid());
    m_start.child_pid = m_child.pid;
    m_start.child_start_ticks = start_ticks(m_child.pid);
    m_start.at = now.wall;
  }
  // Not synced: it tells where to find this process, and after a power cut there is none.
  const auto done = atomic_publish(file(attempt_file::k_start), encode(m_start));
  m_start_written = done.has_value();
  if (!done && !m_record_error_logged) {
    m_record_error_logged = true;
    log_line("start record: will be tried again: " + done.error().text);
  }
}

void Shim::complete_exit_record(Now now) {
  m_exit.done_mark = m_hearing->done();
  m_exit.final_requested = m_asking->end_was_asked();
  m_exit.last_journal_seq = m_journal.last_seq();
  if (m_exit.boot_at == BootTime{}) { // a disk may take it only much later
    m_exit.boot_at = now.boot;
    m_exit.at = now.wall;
  }
  if (const auto oom = read_oom_kills(); oom && m_oom_before) {
    m_exit.oom_kills = std::max<std::int64_t>(0, *oom - *m_oom_before);
  }
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  m_exit.user_s = seconds(usage.ru_utime);
  m_exit.system_s = seconds(usage.ru_stime);
  m_exit.max_rss_kb = usage.ru_maxrss;
}

void Shim::retry_records(Now now) {
  if (m_next_retry && now.boot < *m_next_retry) {
    return;
  }
  m_next_retry.reset();
  if (!m_start_written) {
    write_start_record(now);
  }
  const bool journaled = m_journal.flush();
  const bool connected = open_sockets();
  const bool noticed = !job_lives() || m_asking->retry_notice();
  if (m_phase == Phase::recording) {
    finish(now);
  }
  if (!m_start_written || !journaled || !connected || !noticed || m_phase == Phase::recording) {
    m_next_retry = now.boot + k_retry_interval;
  }
}

void Shim::finish(Now now) {
  hear(k_all_datagrams, now);
  for (const auto& path : m_output.finish()) {
    m_hearing->hear_sentinel(path, now);
  }
  m_output.enforce_cap();
  m_hearing->flush(now);
  check_done_files(now);

  complete_exit_record(now);

  // With its directory gone (somebody cleaned up) only a daemon that lives could read the record.
  const bool gone = ::access(m_dir.c_str(), F_OK) != 0 && errno == ENOENT;
  const bool awaited = m_link && m_link->connected();
  if (gone && awaited) {
    (void)make_directories(m_dir);
  }
  // No record means lost: there is nothing else left to do than to try until it is there.
  // The journal comes first, but must not keep the record back for ever.
  const bool journaled = m_journal.flush() || now.boot >= m_recording_since + k_journal_patience;
  const auto done = journaled ? publish_and_sync(file(attempt_file::k_exit), encode(m_exit))
                              : Result<void>(Error{Errc::io, "journal: not written yet"});
  if (done || (gone && !awaited)) {
    m_phase = Phase::ended;
  } else if (!std::exchange(m_record_error_logged, true)) {
    log_line("exit record: will be tried again: " + done.error().text);
  }
  m_next_retry = now.boot + k_retry_interval;
}

} // namespace gpujob::shim
