// SPDX-License-Identifier: Apache-2.0
// The limits within Shim: asking, TERM, KILL, and the end of the tree.
#include "common/clock.h"
#include "daemon/shim/shim.h"
#include "daemon/shim/tree.h"

#include <algorithm>

namespace gpujob::shim {

namespace {

/// Between two looks at a tree that is being ended; the end of a child wakes the loop anyway.
constexpr Duration k_tree_interval = std::chrono::milliseconds{100};
constexpr Duration k_kept_tree_interval = std::chrono::seconds{1};
/// What the rest of a tree has between TERM and KILL when the plan does not say.
constexpr Duration k_default_kill_grace = std::chrono::seconds{2};
/// What a request to save and go on has where no plan gives a grace; the daemon waits as long.
constexpr Duration k_continue_grace = std::chrono::seconds{90};

} // namespace

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
      send_continue(number, now);
    }
  }
}

void Shim::ask_routes(std::string_view reason, BootTime deadline, Now now) {
  m_routes->ask({std::string(reason), m_child.pid, m_output.fd(), deadline}, now);
}

void Shim::send_continue(std::int64_t number, Now now) {
  m_asking->leave_out(m_routes->command_session());
  m_asking->ask_continue(number, now);
  const auto grace = m_course->plan().grace;
  ask_routes("checkpoint", now.boot + (grace > Duration::zero() ? grace : k_continue_grace), now);
}

void Shim::send_request(Now now) {
  const auto before = *m_course;
  m_course->request_sent(now.boot);
  const auto term_at = m_course->term_at();
  m_asking->leave_out(m_routes->command_session());
  try {
    m_asking->ask_final(m_course->plan(),
                        term_at ? std::optional(now.wall_at(*term_at)) : std::nullopt, now);
  } catch (...) {
    if (!m_asking->final_was_sent()) {
      *m_course = before; // out of memory before the job was asked: it is asked at the next look
    }
    throw;
  }
  // Again, now that it is out: on a slow machine the walk through /proc took of the grace.
  m_course->request_sent(read_clocks().boot);
  const auto& plan = m_course->plan();
  ask_routes(to_text(plan.reason), m_course->term_at().value_or(now.boot + plan.grace), now);
  m_next_output = now.boot;
}

void Shim::send_term(Now now) {
  m_routes->tick(now); // what is late is told before it is ended
  m_routes->end_copy(now.boot);
  const auto members = job_members(leader());
  const auto reason = m_course->plan().reason;
  if (leader_lives()) {
    m_exit.term_sent = reason; // before it is: what comes after may run out of memory
  }
  signal_job(leader(), members, SIGTERM);
  m_course->term_sent(read_clocks().boot);
  signal_job(leader(), members, SIGCONT); // a stopped process hears nothing else
  m_ending.already_told(members);
  m_journal.append(journal::TermSent{reason}, now);
}

void Shim::send_kill(Now now) {
  const auto members = job_members(leader());
  const auto reason = m_course->plan().reason;
  if (leader_lives()) {
    m_exit.kill_sent = reason;
  }
  signal_job(leader(), members, SIGKILL);
  m_course->kill_sent(now.boot);
  m_next_tree = now.boot + k_tree_interval;
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
  bool over = no_children();
  if (!over) {
    // Without the leader its pid may belong to anybody, so no process in the tree is exempt.
    const auto left = job_members(0);
    over = m_launch.keep_tree ? left.empty() : m_ending.step(left, kill_rest_at(), now);
  }
  // What the job has written is still being taken; it ends by its deadline.
  over = over && !m_routes->copying(now.boot);
  m_next_tree = now.boot + (m_launch.keep_tree ? k_kept_tree_interval : k_tree_interval);
  if (over) {
    m_phase = Phase::recording;
    m_recording_since = now.boot;
    finish(now);
  }
}

} // namespace gpujob::shim
