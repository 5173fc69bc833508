// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/asking.h"

#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "common/signals.h"
#include "daemon/shim/candidates.h"
#include "daemon/shim/course.h"
#include "daemon/shim/detect.h"
#include "daemon/shim/tree.h"

#include <algorithm>
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

/// With a command for it nothing is asked of the job, unless a signal was named too.
std::string_view signal_word(const Launch& launch) {
  const bool automatic = launch.checkpoint_signal == "auto";
  return automatic && !launch.checkpoint_cmd.empty() ? "none"
                                                     : std::string_view(launch.checkpoint_signal);
}

} // namespace

Asking::Asking(const Launch& launch, std::string notice_path, int leader, JournalFile& journal,
               BootTime started)
    : m_notice_path(std::move(notice_path)),
      m_rule(make_rule(signal_word(launch), launch.checkpoint_target)),
      m_chosen_recipe(launch.recipe), m_longest_save(launch.longest_save), m_leader(leader),
      m_journal(&journal), m_started(started) {
  if (needs_catch()) {
    m_next_look = started + look_interval(Duration::zero()); // it has not even exec'd yet
  }
}

/// What it is taken for is seen anew each time: handlers, and whole processes, may come late.
void Asking::take_recipe(const std::vector<Candidate>& candidates, Now now) {
  const auto catches = [](const Candidate& c) { return !c.argv.empty(); };
  if (std::none_of(candidates.begin(), candidates.end(), catches) &&
      !find_recipe(m_chosen_recipe)) {
    return; // still starting, or nothing to go by
  }
  const auto found = detect(m_chosen_recipe, candidates);
  if (found.recipe != m_recipe) {
    m_recipe = found.recipe;
    m_journal->append(
        journal::Recipe{std::string(found.recipe->name), found.why, found.recipe->exits}, now);
  }
}

/// As long as the longest one took; where none is known, all the time there is.
Duration Asking::expected_save(Duration grace) const {
  return m_longest_save > Duration::zero() ? m_longest_save : grace;
}

Choice Asking::choose(bool goes_on, Duration grace, Now now) {
  auto members = job_members(m_leader);
  std::erase_if(members,
                [this](const auto& m) { return m_left_out > 0 && m.session == m_left_out; });
  const auto candidates = read_candidates(members);
  take_recipe(candidates, now);
  auto rule = m_recipe == nullptr ? m_rule : with_recipe(m_rule, *m_recipe);
  rule = goes_on ? for_continue(std::move(rule)) : rule;
  if (rule.signals.empty()) {
    return {};
  }
  return choose_targets(candidates, rule, m_leader, expected_save(grace));
}

bool Asking::look(Now now) {
  if (!m_next_look || now.boot < *m_next_look) {
    return false;
  }
  m_next_look = now.boot + look_interval(now.boot - m_started);
  const auto choice = choose(false, Duration::zero(), now);
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
  m_asked = now.boot;
  const auto choice = choose(false, plan.grace, now);
  journal::Requested record{0, true, "", signal_catchers(choice.targets, choice.signal)};
  m_final_sent = true;
  write_down(std::move(record), choice, now);
}

void Asking::ask_continue(std::int64_t number, Now now) {
  m_continue_open = true;
  write_notice(notice_text("checkpoint", false, std::nullopt, Duration::zero()));
  m_asked = now.boot;
  const auto choice = choose(true, Duration::zero(), now);
  auto signalled = signal_catchers(choice.targets, choice.signal);
  m_exit_asked = m_exit_asked || (!signalled.empty() && m_recipe != nullptr && m_recipe->exits);
  write_down({number, false, "", std::move(signalled)}, choice, now);
}

void Asking::acknowledged(Now now) {
  if (m_asked) {
    m_longest_save = std::max(m_longest_save, now.boot - *m_asked);
    m_asked.reset();
  }
  if (m_continue_open) {
    m_continue_open = false;
    m_owed_notice.reset();
    ::unlink(m_notice_path.c_str());
  }
}

} // namespace gpujob::shim
