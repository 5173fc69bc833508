// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/asking.h"

#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "common/signals.h"
#include "daemon/shim/candidates.h"
#include "daemon/shim/course.h"
#include "daemon/shim/tree.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gpujob::shim {

namespace {

/// How often to look for the first catch: an import of torch takes seconds, a request may be
/// waiting; a job that never catches anything must not cost a walk through /proc every second for
/// ever.
Duration look_interval(Duration age) {
  if (age < k_first_catch_wait) {
    return std::chrono::milliseconds{100};
  }
  return age < std::chrono::minutes{1} ? std::chrono::seconds{1} : std::chrono::seconds{5};
}

std::string notice_text(std::string_view reason, bool final, std::optional<WallTime> deadline,
                        Duration grace) {
  nlohmann::json j{{"reason", reason}, {"final", final}, {"grace_s", to_seconds(grace)}};
  j["deadline"] = deadline ? nlohmann::json(to_seconds(deadline->time_since_epoch())) : nullptr;
  return json::dump(j) + "\n";
}

} // namespace

Asking::Asking(const Launch& launch, std::string notice_path, int leader, JournalFile& journal,
               BootTime started)
    : m_notice_path(std::move(notice_path)),
      m_rule(make_rule(launch.checkpoint_signal, launch.checkpoint_target)), m_leader(leader),
      m_journal(&journal), m_started(started) {
  if (needs_catch()) {
    m_next_look = started + look_interval(Duration::zero()); // it has not even exec'd yet
  }
}

Choice Asking::choose(const TargetRule& rule, Duration grace) const {
  if (rule.signals.empty()) {
    return {};
  }
  return choose_targets(read_candidates(job_members(m_leader)), rule, m_leader, grace);
}

bool Asking::look(Now now) {
  if (!m_next_look || now.boot < *m_next_look) {
    return false;
  }
  m_next_look = now.boot + look_interval(now.boot - m_started);
  const auto choice = choose(m_rule, Duration::zero());
  if (choice.targets.empty()) {
    return false;
  }
  m_next_look.reset();
  m_journal->append(journal::Catches{signal_name(choice.signal), choice.targets.front().pid}, now);
  return true;
}

void Asking::write_notice(std::string text) {
  // Not synced: it means nothing after a crash of the machine, and a disk that is busy with the
  // job's own checkpoint would hold up the signal.
  const auto done = atomic_publish(m_notice_path, text);
  if (done) {
    m_owed_notice.reset();
    return;
  }
  if (!m_owed_notice) {
    log_line("notice: will be tried again: " + done.error().text);
  }
  m_owed_notice = std::move(text);
}

bool Asking::retry_notice() {
  if (m_owed_notice) {
    write_notice(std::string(*m_owed_notice));
  }
  return !m_owed_notice;
}

void Asking::write_down(journal::Requested record, const Choice& choice, Now now) {
  record.signal = record.targets.empty() ? "" : signal_name(choice.signal);
  m_journal->append(record, now);
}

void Asking::ask_final(const Plan& plan, std::optional<WallTime> deadline, Now now) {
  m_continue_open = false;
  write_notice(notice_text(to_text(plan.reason), true, deadline, plan.grace));
  const auto choice = choose(m_rule, plan.grace);
  journal::Requested record{0, true, "", signal_catchers(choice.targets, choice.signal)};
  m_final_sent = true;
  write_down(std::move(record), choice, now);
}

void Asking::ask_continue(std::int64_t number, Now now) {
  m_continue_open = true;
  write_notice(notice_text("checkpoint", false, std::nullopt, Duration::zero()));
  const auto choice = choose(for_continue(m_rule), Duration::zero());
  write_down({number, false, "", signal_catchers(choice.targets, choice.signal)}, choice, now);
}

void Asking::acknowledged() {
  if (m_continue_open) {
    m_continue_open = false;
    m_owed_notice.reset();
    ::unlink(m_notice_path.c_str());
  }
}

} // namespace gpujob::shim
