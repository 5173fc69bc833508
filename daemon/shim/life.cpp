// SPDX-License-Identifier: Apache-2.0
// The life of the job within Shim: its start, its limits, its end, its records.
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/proc.h"
#include "daemon/shim/oom.h"
#include "daemon/shim/shim.h"
#include "daemon/shim/tree.h"

#include <algorithm>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

/// Between two looks at a tree that is being ended; the end of a child wakes the loop anyway.
constexpr Duration k_tree_interval = std::chrono::milliseconds{100};
constexpr Duration k_kept_tree_interval = std::chrono::seconds{1};
/// What the rest of a tree has between TERM and KILL when the plan does not say.
constexpr Duration k_default_kill_grace = std::chrono::seconds{2};
constexpr Duration k_retry_interval = std::chrono::seconds{1};
constexpr std::size_t k_all_datagrams = 65536;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string absolute(const std::string& path, const std::string& cwd) {
  return path.empty() || path.front() == '/' ? path : cwd + "/" + path;
}

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

std::uint64_t start_ticks(int pid) {
  const auto stat = proc::read_stat(pid);
  return stat ? stat->start_ticks : 0;
}

} // namespace

bool Shim::job_lives() const {
  return m_phase == Phase::running || (m_phase == Phase::leader_gone && m_launch.keep_tree);
}

void Shim::start(Now now) {
  m_exit.job_id = m_start.job_id = m_launch.job_id;
  m_exit.attempt = m_start.attempt = m_launch.attempt;
  m_exit.boot_id = m_start.boot_id = read_boot_id();
  m_oom_before = read_oom_kills();
  m_next_output = now.boot;
  m_course.emplace(m_launch.plan, now.boot);

  std::string error;
  if (auto cmdline = read_cmdline_memfd(m_cmdline.get())) {
    m_program = cmdline->argv.front();
    m_cwd = cmdline->cwd;
    const auto program = make_program(std::move(*cmdline), m_launch);
    m_done_flag = env_value(program.env, "FAULT_TOL_FINISHED_FLAG_FILE");
    auto child = spawn(program, m_output.fd());
    if (child) {
      m_child = std::move(*child);
    } else {
      error = child.error().text;
    }
  } else {
    error = cmdline.error().text;
  }
  ::malloc_trim(0); // the environment may have been large, and was secret to nobody else

  m_hearing.emplace(m_journal, m_cwd);
  m_asking.emplace(m_launch, file(attempt_file::k_notice), m_child.pid, m_journal, now.boot);
  if (!m_asking->needs_catch()) {
    m_course->caught(now.boot);
  }
  if (!error.empty()) {
    never_started(error, now);
    return;
  }
  m_journal.append(journal::Started{m_child.pid}, now);
  write_start_record(now);
}

void Shim::never_started(const std::string& why, Now now) {
  m_exit.code = 126;
  m_exit.exec_error = why;
  m_output.say(why);
  m_start_written = true; // nothing has started
  m_journal.append(journal::LeaderExited{126, std::nullopt}, now);
  m_phase = Phase::recording;
  finish(now);
}

void Shim::write_start_record(Now now) {
  if (m_start.child_pid == 0) {
    m_start.shim_pid = ::getpid();
    m_start.shim_start_ticks = start_ticks(::getpid());
    m_start.child_pid = m_child.pid;
    m_start.child_start_ticks = start_ticks(m_child.pid);
    m_start.at = now.wall;
  }
  const auto done = atomic_replace(file(attempt_file::k_start), encode(m_start));
  m_start_written = done.has_value();
  if (!done && !m_record_error_logged) {
    m_record_error_logged = true;
    log_line("start record: will be tried again: " + done.error().text);
  }
}

void Shim::reap(Now now) {
  for (;;) {
    siginfo_t info{};
    // Looked at before it is reaped: until its status is taken the leader's pid cannot be reused.
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
      return;
    }
    const bool leader = info.si_pid == m_child.pid && leader_lives();
    if (leader) {
      leader_gone(info, now);
    }
    ::waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

void Shim::leader_gone(const siginfo_t& how, Now now) {
  // A job may notify, or print, and exit at once.
  hear(k_all_datagrams, now);
  read_output(now);
  m_hearing->flush(now);
  check_done_files(now);
  if (how.si_code == CLD_EXITED) {
    m_exit.code = how.si_status;
  } else {
    m_exit.signal = how.si_status;
  }
  if (const auto error = exec_error(m_child, m_program, m_cwd)) {
    m_exit.exec_error = *error;
    m_output.say(*error);
  }
  m_journal.append(journal::LeaderExited{m_exit.code, m_exit.signal}, now);
  m_phase = Phase::leader_gone;
  m_leader_gone_at = now.boot;
  m_next_tree = now.boot;
}

void Shim::check_done_files(Now now) {
  const bool flagged = m_done_flag && !m_done_flag->empty() && exists(absolute(*m_done_flag, m_cwd));
  const bool done = !m_launch.done_when.empty() && exists(absolute(m_launch.done_when, m_cwd));
  if (flagged || done) {
    m_hearing->mark_done(now);
  }
}

void Shim::follow_course(Now now) {
  if (m_asking->look(now)) {
    m_course->caught(now.boot);
  }
  for (auto act = m_course->due(now.boot); act != Course::Act::none;
       act = m_course->due(now.boot)) {
    switch (act) {
    case Course::Act::request:
      send_request(now);
      break;
    case Course::Act::term:
      send_term(now);
      break;
    case Course::Act::kill:
      send_kill(now);
      break;
    case Course::Act::none:
      break;
    }
  }
  if (m_course->kill_was_sent() && now.boot >= m_next_tree) {
    // What was forked while the last KILL went round is still to be found.
    signal_job(leader(), job_members(leader()), SIGKILL);
    m_next_tree = now.boot + k_tree_interval;
  }
  if (m_continue && now.boot >= m_course->gate()) {
    const auto number = *m_continue;
    m_continue.reset();
    if (!m_course->request_outstanding() && !m_course->term_was_sent()) {
      m_asking->ask_continue(number, now);
    }
  }
}

void Shim::send_request(Now now) {
  m_course->request_sent(now.boot);
  const auto term_at = m_course->term_at();
  m_asking->ask_final(m_course->plan(),
                      term_at ? std::optional(now.wall_at(*term_at)) : std::nullopt, now);
  m_next_output = now.boot;
}

void Shim::send_term(Now now) {
  const auto members = job_members(leader());
  signal_job(leader(), members, SIGTERM);
  signal_job(leader(), members, SIGCONT); // a stopped process hears nothing else
  m_ending.already_told(members);
  m_course->term_sent(now.boot);
  const auto reason = m_course->plan().reason;
  if (leader_lives()) {
    m_exit.term_sent = reason;
  }
  m_journal.append(journal::TermSent{reason}, now);
}

void Shim::send_kill(Now now) {
  signal_job(leader(), job_members(leader()), SIGKILL);
  m_course->kill_sent(now.boot);
  m_next_tree = now.boot + k_tree_interval;
  const auto reason = m_course->plan().reason;
  if (leader_lives()) {
    m_exit.kill_sent = reason;
  }
  m_journal.append(journal::KillSent{reason}, now);
}

/// When the rest of the tree has had its time. A TERM at a limit started the same count for all.
BootTime Shim::kill_rest_at() const {
  if (m_course->kill_was_sent()) {
    return m_leader_gone_at;
  }
  if (const auto at = m_course->kill_at()) {
    return *at;
  }
  const auto& plan = m_course->plan();
  const auto grace = plan.kill_grace > Duration::zero() ? plan.kill_grace : k_default_kill_grace;
  const auto at = m_leader_gone_at + grace;
  return plan.hard_end ? std::min(at, std::max(*plan.hard_end, m_leader_gone_at)) : at;
}

void Shim::end_tree(Now now) {
  // Without the leader its pid may belong to anybody, so no process in the tree is exempt.
  const auto left = job_members(0);
  bool over = left.empty();
  if (!m_launch.keep_tree) {
    over = m_ending.step(left, kill_rest_at(), now);
  }
  m_next_tree = now.boot + (m_launch.keep_tree ? k_kept_tree_interval : k_tree_interval);
  if (over) {
    m_phase = Phase::recording;
    finish(now);
  }
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
  if (m_phase == Phase::recording) {
    finish(now);
  }
  if (!m_start_written || !journaled || m_phase == Phase::recording) {
    m_next_retry = now.boot + k_retry_interval;
  }
}

void Shim::finish(Now now) {
  hear(k_all_datagrams, now);
  for (const auto& path : m_output.finish()) {
    m_hearing->hear_sentinel(path, now);
  }
  m_hearing->flush(now);
  check_done_files(now);

  m_exit.done_mark = m_hearing->done();
  m_exit.final_requested = m_asking->final_was_sent();
  m_exit.last_journal_seq = m_journal.last_seq();
  m_exit.boot_at = now.boot;
  m_exit.at = now.wall;
  if (const auto oom = read_oom_kills(); oom && m_oom_before) {
    m_exit.oom_kills = std::max<std::int64_t>(0, *oom - *m_oom_before);
  }
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  m_exit.user_s = seconds(usage.ru_utime);
  m_exit.system_s = seconds(usage.ru_stime);
  m_exit.max_rss_kb = usage.ru_maxrss;

  // No record means lost: there is nothing else left to do than to try until it is there.
  const auto done = m_journal.flush() ? atomic_replace(file(attempt_file::k_exit), encode(m_exit))
                                      : Result<void>(Error{Errc::io, "journal: not written yet"});
  if (done) {
    m_phase = Phase::ended;
  } else if (!std::exchange(m_record_error_logged, true)) {
    log_line("exit record: will be tried again: " + done.error().text);
  }
  m_next_retry = now.boot + k_retry_interval;
}

} // namespace gpujob::shim
