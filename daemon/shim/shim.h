// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/exit_record.h"
#include "common/fd.h"
#include "common/launch.h"
#include "daemon/shim/asking.h"
#include "daemon/shim/child.h"
#include "daemon/shim/course.h"
#include "daemon/shim/ending.h"
#include "daemon/shim/hearing.h"
#include "daemon/shim/journal_file.h"
#include "daemon/shim/link.h"
#include "daemon/shim/notify.h"
#include "daemon/shim/output.h"
#include "daemon/shim/revive.h"
#include "daemon/shim/route.h"
#include "daemon/shim/routes.h"

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>

namespace gpujob::shim {

/// One attempt of one job, from its fork to its exit record. Single-threaded; run() is the loop:
/// wait, read the clocks once, reap, hear, obey, act.
class Shim {
public:
  /// `cmdline` is the sealed command line, kept for a daemon that asks for it.
  Shim(std::string attempt_dir, Launch launch, Fd cmdline);

  /// Until exit.json is written.
  void run();

private:
  enum class Phase : std::uint8_t { restoring, running, leader_gone, recording, ended };

  bool open_sockets();
  void start(Now now);
  void start_restoring(Now now);
  void follow_restoring(Now now);
  void restored(const siginfo_t& how, Now now);
  void ended_while_restoring(Now now);
  [[nodiscard]] std::optional<BootTime> restoring_next() const;
  void start_job(Now now);
  void never_started(const std::string& why, Now now);
  void write_start_record(Now now);

  /// What poll(2) said about the link; everything else is looked at on every wake-up.
  struct Woken {
    bool listener = false;
    bool connection = false;
  };
  Woken wait();
  void arm_timer() const;
  [[nodiscard]] BootTime next_wakeup() const;
  void step(Woken woken, Now now);

  void reap(Now now);
  void leader_gone(const siginfo_t& how, Now now);
  void hear(std::size_t most, Now now);
  void obey(Now now);
  void read_output(Now now);
  void check_done_files(Now now);

  void follow_course(Now now);
  void send_request(Now now);
  void send_continue(std::int64_t number, Now now);
  void ask_routes(std::string_view reason, BootTime deadline, Now now);
  void send_term(Now now);
  void send_kill(Now now);
  void end_tree(Now now);
  [[nodiscard]] BootTime kill_rest_at() const;

  void retry_records(Now now);
  void finish(Now now);
  void complete_exit_record(Now now);
  void flush_link();

  [[nodiscard]] std::string file(const char* name) const { return m_dir + "/" + name; }
  [[nodiscard]] bool leader_lives() const { return m_phase == Phase::running; }
  /// Its pid as long as it has not been reaped, then 0.
  [[nodiscard]] int leader() const { return leader_lives() ? m_child.pid : 0; }
  /// The job still runs for all that concerns requests and limits.
  [[nodiscard]] bool job_lives() const;

  std::string m_dir;
  Launch m_launch;
  Fd m_cmdline;
  Fd m_signals;
  Fd m_timer;
  JournalFile m_journal;
  Output m_output;
  std::optional<NotifySocket> m_notify;
  std::optional<Link> m_link;
  Reviver m_reviver;
  std::string m_program, m_cwd; ///< for messages
  std::optional<std::string> m_done_flag;
  Child m_child;
  std::optional<Course> m_course;
  std::optional<Asking> m_asking;
  std::optional<Hearing> m_hearing;
  std::optional<Routes> m_routes;
  Ending m_ending;
  Route m_restore; ///< runs before the job does, where it resumes from copies
  std::optional<BootTime> m_restore_killed;

  Phase m_phase = Phase::running;
  StartRecord m_start;
  bool m_start_written = false;
  ExitRecord m_exit;
  std::optional<std::int64_t> m_oom_before;
  std::optional<std::int64_t> m_continue; ///< a continue request that has not gone out yet
  BootTime m_leader_gone_at{};
  BootTime m_recording_since{};
  BootTime m_next_output{};
  BootTime m_next_tree{};
  std::optional<BootTime> m_next_retry;
  bool m_record_error_logged = false;
  bool m_socket_error_logged = false;
};

} // namespace gpujob::shim
