// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/plan.h"
#include "common/time.h"

#include <cstdint>
#include <optional>

namespace gpujob::shim {

/// How long a request waits for the job to catch a checkpoint signal (10 s).
constexpr Duration k_first_catch_wait = std::chrono::seconds{10};
/// What EXTEND_TIMEOUT_USEC may add in all when no hard end is known: a job that repeats it must
/// not be able to put off a `stop` for ever.
constexpr Duration k_max_extension = std::chrono::hours{1};
/// A plan whose request lies at least this much after the one that was sent is another deadline
/// (the session grew), not the same one computed again; it asks once more.
constexpr Duration k_other_deadline = std::chrono::minutes{1};

/// When the job is asked, TERMed and KILLed. Pure: it knows the plan and the instants at which
/// things were *really* done, reads no clock and does nothing. After a late wake-up everything
/// follows from the real instants, so the spacing request, TERM, KILL stays.
class Course {
public:
  enum class Act : std::uint8_t { none, request, term, kill };

  Course(const Plan& plan, BootTime started) : m_plan(plan), m_started(started) {}

  /// Replaces the plan. What was done stays done.
  void set_plan(const Plan& plan, BootTime now);

  void caught(BootTime at);
  void request_sent(BootTime at) { m_request_sent = at; }
  void term_sent(BootTime at) { m_term_sent = at; }
  void kill_sent(BootTime at) { m_kill_sent = at; }

  /// The job asks for TERM not before now + `by`. The instant of TERM if that moved it.
  std::optional<BootTime> extend(Duration by, BootTime now);

  /// What is due now; ask again after doing it.
  [[nodiscard]] Act due(BootTime now) const;
  /// The next instant at which something falls due.
  [[nodiscard]] std::optional<BootTime> next() const;

  /// Before this instant no request of any kind goes out.
  [[nodiscard]] BootTime gate() const;
  /// Still to come; nothing when it is done or not planned.
  [[nodiscard]] std::optional<BootTime> request_at() const;
  [[nodiscard]] std::optional<BootTime> term_at() const;
  [[nodiscard]] std::optional<BootTime> kill_at() const;

  [[nodiscard]] const Plan& plan() const { return m_plan; }
  [[nodiscard]] bool request_outstanding() const { return m_request_sent.has_value(); }
  [[nodiscard]] bool term_was_sent() const { return m_term_sent.has_value(); }
  [[nodiscard]] bool kill_was_sent() const { return m_kill_sent.has_value(); }

private:
  [[nodiscard]] BootTime earliest_term() const;

  Plan m_plan;
  BootTime m_started;
  std::optional<BootTime> m_first_catch;
  std::optional<BootTime> m_request_sent;
  std::optional<BootTime> m_term_sent;
  std::optional<BootTime> m_kill_sent;
  std::optional<BootTime> m_extended_to;
};

} // namespace gpujob::shim
