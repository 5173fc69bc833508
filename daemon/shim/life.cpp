// SPDX-License-Identifier: Apache-2.0
// The life of the leader within Shim: its start and its end.
#include "common/clock.h"
#include "common/text.h"
#include "daemon/shim/oom.h"
#include "daemon/shim/restoring.h"
#include "daemon/shim/shim.h"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

constexpr std::size_t k_all_datagrams = 65536;

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

  std::string error;
  if (auto cmdline = read_cmdline_memfd(m_cmdline.get())) {
    m_program = cmdline->argv.front();
    m_cwd = cmdline->cwd;
    const auto program = make_program(std::move(*cmdline), m_launch);
    m_done_flag = env_value(program.env, "FAULT_TOL_FINISHED_FLAG_FILE");
    const auto told = [this](const std::string& line) { m_output.say(printable(line)); };
    const auto restored = restore_copies(m_launch.resume_from, m_launch.checkpoint_copy, told);
    auto child = restored ? spawn(program, m_output.fd()) : Result<Child>(restored.error());
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
  m_routes.emplace(m_launch, m_cmdline, m_journal);
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
