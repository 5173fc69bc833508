// SPDX-License-Identifier: Apache-2.0
// The life of the leader within Shim: its start and its end.
#include "common/clock.h"
#include "common/text.h"
#include "daemon/shim/copying.h"
#include "daemon/shim/oom.h"
#include "daemon/shim/restoring.h"
#include "daemon/shim/shim.h"

#include <algorithm>
#include <csignal>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

constexpr std::size_t k_all_datagrams = 65536;
/// KILL takes its time in a process that waits for a disk.
constexpr Duration k_patience = std::chrono::seconds{10};

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string absolute(const std::string& path, const std::string& cwd) {
  return path.empty() || path.front() == '/' ? path : cwd + "/" + path;
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
  m_routes.emplace(m_launch, m_cmdline, m_journal);
  if (is_copy(m_launch.resume_from) && !m_launch.checkpoint_copy.empty()) {
    start_restoring(now);
  } else {
    start_job(now);
  }
}

/// In a process of its own: it takes as long as the disk does, and the loop must turn meanwhile.
void Shim::start_restoring(Now now) {
  m_hearing.emplace(m_journal, m_cwd);
  m_asking.emplace(m_launch, file(attempt_file::k_notice), 0, m_journal, now.boot);
  Program program;
  program.argv = {"gpujob-shim", "--restore", std::to_string(::getpid()), m_launch.resume_from};
  program.argv.insert(program.argv.end(), m_launch.checkpoint_copy.begin(),
                      m_launch.checkpoint_copy.end());
  program.cwd = "/";
  program.candidates = {"/proc/self/exe"};
  if (const auto started = m_restore.start(program, -1, {}); !started) {
    never_started("restore: " + started.error().text, now);
    return;
  }
  m_start_written = true; // nothing has started yet
  m_phase = Phase::restoring;
  // With this the daemon takes it for running: a new plan, a stop say, comes here.
  m_journal.append(journal::Status{"putting back the copied files"}, now);
}

/// When it is to be ended, or has not ended although it was killed.
std::optional<BootTime> Shim::restoring_next() const {
  if (m_phase != Phase::restoring) {
    return std::nullopt;
  }
  if (m_restore_killed) {
    return *m_restore_killed + k_patience;
  }
  const auto& plan = m_course->plan();
  return plan.term_at
             ? std::optional(std::min(*plan.term_at, plan.request_at.value_or(*plan.term_at)))
             : std::nullopt;
}

/// There is nothing to ask for yet: what would be a request ends it.
void Shim::follow_restoring(Now now) {
  const auto at = restoring_next();
  if (!at || now.boot < *at) {
    return;
  }
  if (m_restore_killed) {
    ended_while_restoring(now); // it waits for a disk, and dies with this process
    return;
  }
  m_restore.kill();
  m_restore_killed = now.boot;
  m_exit.term_sent = m_course->plan().reason;
  m_journal.append(journal::TermSent{*m_exit.term_sent}, now);
}

void Shim::restored(const siginfo_t& how, Now now) {
  auto lines = split(m_restore.said(), '\n');
  const auto end = m_restore.ended(how);
  if (m_phase != Phase::restoring) {
    return;
  }
  if (!lines.empty() && lines.back() == end.text && !end.saved) {
    lines.pop_back(); // why it failed: told below
  }
  for (const auto& line : lines) {
    if (!line.empty()) {
      m_output.say(line);
    }
  }
  if (m_restore_killed) {
    ended_while_restoring(now);
    return;
  }
  if (!end.saved) {
    remove_half_restored(m_launch.checkpoint_copy);
    never_started("not started: its files were not put back: " + end.text, now);
    return;
  }
  m_journal.append(journal::Status{""}, now);
  m_phase = Phase::running;
  m_start_written = false;
  m_course.emplace(Plan(m_course->plan()), now.boot);
  start_job(now);
}

void Shim::ended_while_restoring(Now now) {
  remove_half_restored(m_launch.checkpoint_copy);
  m_output.say("ended before it was started: its files were being put back");
  m_exit.signal = SIGTERM;
  m_journal.append(journal::LeaderExited{std::nullopt, SIGTERM}, now);
  m_phase = Phase::recording;
  m_recording_since = now.boot;
  finish(now);
}

void Shim::start_job(Now now) {
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
  ::malloc_trim(0); // the environment may have been large

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
  m_recording_since = now.boot;
  finish(now);
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
    if (m_restore.running() && info.si_pid == m_restore.pid()) {
      restored(info, now);
    }
    bool acknowledged = false;
    if (m_routes->ended(info, now, acknowledged) && acknowledged) {
      m_asking->acknowledged(now);
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
  const bool flagged =
      m_done_flag && !m_done_flag->empty() && exists(absolute(*m_done_flag, m_cwd));
  const bool done = !m_launch.done_when.empty() && exists(absolute(m_launch.done_when, m_cwd));
  if (flagged || done) {
    m_hearing->mark_done(now);
  }
}

} // namespace gpujob::shim
