// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/routes.h"

#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

/// KILL takes its time in a process that waits for a disk.
constexpr Duration k_patience = std::chrono::seconds{10};

void set_value(std::vector<std::string>& env, const std::string& name, const std::string& value) {
  std::erase_if(env, [&](const auto& entry) { return entry.starts_with(name + "="); });
  env.push_back(name + "=" + value);
}

} // namespace

void Routes::ask(const Wanted& wanted, Now now) {
  m_wanted = wanted;
  extend(wanted.deadline);
  if (!m_launch->checkpoint_cmd.empty()) {
    if (m_command.running()) {
      m_command_again = true;
    } else {
      start_command(now);
    }
  }
  if (!m_launch->checkpoint_copy.empty()) {
    if (m_copy.running()) {
      m_copy_again = true;
    } else {
      start_copy(now);
    }
  }
}

void Routes::failed(const char* route, const std::string& why, Now now) {
  m_journal->append(journal::RouteFailed{route, printable(why)}, now);
}

void Routes::start_command(Now now) {
  m_command_again = m_command_told = false;
  auto cmdline = read_cmdline_memfd(m_cmdline->get());
  if (!cmdline) {
    failed("command", "not started: " + cmdline.error().text, now);
    return;
  }
  auto program = make_program(std::move(*cmdline), *m_launch);
  program.argv = {"/bin/sh", "-c", m_launch->checkpoint_cmd};
  program.candidates = {"/bin/sh"};
  set_value(program.env, "GPUJOB_CHECKPOINT_REASON", m_wanted.reason);
  set_value(program.env, "GPUJOB_JOB_PID", std::to_string(m_wanted.job_pid));
  const int output = m_wanted.output >= 0 ? m_wanted.output : STDERR_FILENO; // shim.log
  if (const auto started = m_command.start(program, output, m_wanted.deadline); !started) {
    failed("command", "not started: " + started.error().text, now);
  }
  program = Program{};
  ::malloc_trim(0); // the environment may have been large
}

void Routes::start_copy(Now now) {
  m_copy_again = m_copy_told = false;
  Program program;
  program.argv = {"gpujob-shim", "--copy", std::to_string(::getpid()), m_launch->checkpoint_dir,
                  fmt::format("copy-{}-{}", m_launch->attempt, ++m_copies)};
  program.argv.insert(program.argv.end(), m_launch->checkpoint_copy.begin(),
                      m_launch->checkpoint_copy.end());
  program.cwd = "/";
  program.candidates = {"/proc/self/exe"};
  if (const auto started = m_copy.start(program, -1, m_wanted.deadline); !started) {
    failed("copy", "not started: " + started.error().text, now);
  }
}

/// Whether it saved. That is told at once, whatever comes after it; a failure only where it is not
/// tried again.
bool Routes::tell(const char* route, const Route::End& end, bool told, bool again, Now now) {
  if (told) {
    return false;
  }
  if (end.saved) {
    const bool names_it = std::string_view(route) == "copy";
    m_journal->append(journal::Checkpoint{route, names_it ? end.text : "", std::nullopt}, now);
  } else if (!again) {
    failed(route, end.text, now);
  }
  return end.saved;
}

bool Routes::ended(const siginfo_t& how, Now now, bool& acknowledged) {
  if (how.si_pid == 0) {
    return false;
  }
  if (m_command.running() && how.si_pid == m_command.pid()) {
    const auto end = m_command.ended(how);
    const bool again = m_command_again && now.boot < m_wanted.deadline;
    acknowledged = tell("command", end, m_command_told, again, now);
    if (again) {
      start_command(now);
    }
    return true;
  }
  if (m_copy.running() && how.si_pid == m_copy.pid()) {
    const auto end = m_copy.ended(how);
    const bool again = m_copy_again && now.boot < m_wanted.deadline;
    acknowledged = tell("copy", end, m_copy_told, again, now);
    if (again) {
      start_copy(now);
    }
    return true;
  }
  return false;
}

void Routes::tick(Now now) {
  const auto late = [&](Route& route, bool& told, bool& again, const char* name) {
    if (!route.running() || told || now.boot < route.deadline()) {
      return;
    }
    const auto last = route.kill();
    failed(name, last.empty() ? "not done when its time was over" : "not done in time: " + last,
           now);
    told = true;
    again = false;
    m_copy_killed = now.boot;
  };
  late(m_command, m_command_told, m_command_again, "command");
  late(m_copy, m_copy_told, m_copy_again, "copy");
}

std::optional<BootTime> Routes::next() const {
  std::optional<BootTime> first;
  if (m_command.running() && !m_command_told) {
    first = m_command.deadline();
  }
  if (m_copy.running() && !m_copy_told) {
    first = first ? std::min(*first, m_copy.deadline()) : m_copy.deadline();
  }
  return first;
}

void Routes::extend(BootTime deadline) {
  m_wanted.deadline = deadline;
  m_command.move_deadline(deadline);
  m_copy.move_deadline(deadline);
}

bool Routes::copying(BootTime now) const {
  return m_copy.running() && !(m_copy_told && now >= m_copy_killed + k_patience);
}

void Routes::end_copy(BootTime now) {
  if (m_copy.running() && !m_copy_told) {
    m_copy.kill();
    m_copy_killed = now;
    m_copy_told = true;
    m_copy_again = false;
  }
}

} // namespace gpujob::shim
