// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/course.h"

#include <algorithm>

namespace gpujob::shim {

void Course::set_plan(const Plan& plan, BootTime now) {
  m_plan = plan;
  if (!plan.request_at && plan.reason == EndReason::stop) {
    // "Stop now": no save is under way that could need longer.
    m_extended_to.reset();
  }
  const bool moved_away = m_request_sent && !m_term_sent && plan.request_at &&
                          *plan.request_at > now &&
                          *plan.request_at >= *m_request_sent + k_other_deadline;
  if (moved_away) {
    m_request_sent.reset();
    m_extended_to.reset();
  }
}

void Course::caught(BootTime at) {
  if (!m_first_catch) {
    m_first_catch = at;
  }
}

std::optional<BootTime> Course::extend(Duration by, BootTime now) {
  const auto before = term_at();
  if (!before || m_plan.saved) {
    return std::nullopt;
  }
  // A year: far past every cap, and no sum of it overflows.
  m_extended_to = now + std::clamp<Duration>(by, Duration::zero(), std::chrono::hours{24 * 365});
  const auto after = term_at();
  return after != before ? after : std::nullopt;
}

Course::Act Course::due(BootTime now) const {
  const auto reached = [now](std::optional<BootTime> at) { return at && *at <= now; };
  if (reached(request_at())) {
    return Act::request;
  }
  if (reached(term_at())) {
    return Act::term;
  }
  return reached(kill_at()) ? Act::kill : Act::none;
}

std::optional<BootTime> Course::next() const {
  std::optional<BootTime> first;
  for (const auto at : {request_at(), term_at(), kill_at()}) {
    if (at && (!first || *at < *first)) {
      first = at;
    }
  }
  return first;
}

BootTime Course::gate() const {
  const auto patience = m_started + k_first_catch_wait;
  return m_first_catch ? std::min(*m_first_catch, patience) : patience;
}

std::optional<BootTime> Course::request_at() const {
  if (!m_plan.request_at || m_request_sent || m_term_sent) {
    return std::nullopt;
  }
  return std::max(*m_plan.request_at, gate());
}

/// The planned instant, or the later one that the grace or the job's own word gives.
BootTime Course::earliest_term() const {
  auto at = *m_plan.term_at;
  if (m_plan.saved) {
    return at;
  }
  if (const auto asked = m_request_sent ? m_request_sent : request_at()) {
    at = std::max(at, *asked + m_plan.grace);
  }
  if (m_extended_to) {
    const auto most = m_plan.hard_end ? *m_extended_to : at + k_max_extension;
    at = std::max(at, std::min(*m_extended_to, most));
  }
  return at;
}

std::optional<BootTime> Course::term_at() const {
  if (!m_plan.term_at || m_term_sent) {
    return std::nullopt;
  }
  auto at = earliest_term();
  if (m_plan.hard_end) {
    at = std::min(at, *m_plan.hard_end - m_plan.kill_grace);
  }
  // The cap limits what was moved; it does not bring the plan itself forward.
  return std::max(at, *m_plan.term_at);
}

std::optional<BootTime> Course::kill_at() const {
  if (!m_term_sent || m_kill_sent) {
    return std::nullopt;
  }
  const auto at = *m_term_sent + m_plan.kill_grace;
  return m_plan.hard_end ? std::min(at, std::max(*m_plan.hard_end, *m_term_sent)) : at;
}

} // namespace gpujob::shim
