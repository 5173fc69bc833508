// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "common/duration.h"
#include "common/text.h"
#include "daemon/platform/resolver.h"
#include "daemon/platform/told_end.h"
#include "daemon/platform/values.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::platform {

namespace {

/// A --session-start within this of the stored one is the same moment, said again.
constexpr Duration k_same_moment = std::chrono::seconds{1};

} // namespace

Result<void> Resolver::settle_session() {
  const auto& stored = m_request.stored;
  bool same = stored && same_session(*stored, m_request.facts) &&
              find_profile(m_profiles, stored->platform) != nullptr;
  if (same) {
    // Under Slurm one machine holds one session after the other.
    const auto& variable = find_profile(m_profiles, stored->platform)->key_variable;
    const auto key = variable.empty() ? "" : m_request.facts.variable(variable);
    same = m_request.revive || key.empty() || stored->key.empty() || key == stored->key;
  }
  if (same && !m_request.revive && m_request.inputs.flags.session_start) {
    const auto start =
        parse_session_start(*m_request.inputs.flags.session_start, key::k_start.flag, m_now);
    if (!start) {
      return start.error();
    }
    same = std::chrono::abs(m_now.wall_at(*start) - stored->start.wall) <= k_same_moment;
  }
  m_sources.stored = same ? &*stored : nullptr;
  m_out.id = same ? stored->id : m_request.new_session_id;
  m_out.boot_id = m_request.facts.boot_id;
  m_out.pid1_start_ticks = m_request.facts.pid1_start_ticks;
  m_out.daemon_start = same ? stored->daemon_start : m_now.boot;
  return {};
}

Result<void> Resolver::say_limit(const SettingValue& said) {
  const auto limit = parse_session_limit(*said.value, said.detail);
  if (!limit) {
    return limit.error();
  }
  auto v = said;
  if (*limit) {
    SessionLimit l;
    l.value = **limit;
    l.source = fmt::format("{} says so", said.detail);
    l.confidence = Confidence::high;
    m_out.limit = std::move(l);
  }
  const auto* rule = session_limit_of(*m_profile, m_out.variant, m_out.plan);
  const auto own = rule == nullptr ? std::nullopt : std::get<SessionCap>(rule->what).value;
  if (m_out.limit && own && std::get<SessionCap>(rule->what).bathtub) {
    m_out.limit->bathtub = own; // how its machines die does not change with when we stop
  }
  if (own && (!*limit || **limit > *own)) {
    v.note = fmt::format("more than {}'s own {}", m_profile->id, format_duration(*own));
  }
  record(key::k_limit, std::move(v));
  return {};
}

void Resolver::derive_limit() {
  const auto* rule = session_limit_of(*m_profile, m_out.variant, m_out.plan);
  if (rule == nullptr) {
    record_derived(key::k_limit, std::nullopt, Origin::profile);
    return;
  }
  const auto& cap = std::get<SessionCap>(rule->what);
  if (!cap.value) {
    record_derived(key::k_limit, std::nullopt, Origin::profile,
                   fmt::format("only you know it: {}", rule->source));
    return;
  }
  m_out.limit = SessionLimit{*cap.value,
                             cap.alternatives,
                             rule->source,
                             rule->as_of,
                             rule->confidence,
                             cap.spread,
                             cap.bathtub ? cap.value : std::nullopt};
  record_derived(key::k_limit, format_duration(*cap.value), Origin::profile);
}

Result<void> Resolver::settle_limit() {
  const auto choice = choose_for(key::k_limit);
  if (choice.said) {
    GPUJOB_TRY(say_limit(*choice.said));
  } else if (choice.stored != nullptr) {
    m_out.limit = m_sources.stored->limit;
    record_stored(key::k_limit, choice);
  } else {
    derive_limit();
  }
  if (m_out.limit) {
    m_out.margin = std::min(m_profile->margin.value_or(Duration::zero()), m_out.limit->value / 10);
  }
  return {};
}

void Resolver::derive_start(BootTime daemon_start) {
  StartQuestion q;
  q.platform_known = m_profile->detect.has_value() && !m_profile->outlives_session;
  q.limit = m_out.limit ? std::optional(m_out.limit->value) : std::nullopt;
  q.daemon_start = daemon_start;
  m_out.start = find_session_start(m_request.facts, q, m_now);
  record_derived(key::k_start, format_rfc3339(m_out.start.wall), Origin::detected);
}

/// A platform that is named later is a container, whose PID 1 says more than the daemon's start.
bool Resolver::start_was_a_guess() const {
  const auto& stored = *m_sources.stored;
  return !is_word(stored.settings.at(key::k_start.name).origin) &&
         stored.platform != m_out.platform && stored.start.source == "daemon";
}

bool Resolver::start_outgrown() const {
  const auto& stored = *m_sources.stored;
  return !is_word(stored.settings.at(key::k_start.name).origin) && m_out.limit &&
         (!stored.limit || stored.limit->value != m_out.limit->value) &&
         m_now.boot - stored.start.boot > m_out.limit->value;
}

/// The platform says the instant: what is left until then, from the start on, is the limit.
void Resolver::take_end_variable() {
  const auto text = m_profile->end_variable.empty()
                        ? std::string{}
                        : m_request.facts.variable(m_profile->end_variable);
  const auto seconds = parse_int(text);
  constexpr long long k_most = 3 * k_longest_span / std::chrono::seconds{1};
  if (!seconds || *seconds <= 0 || *seconds > k_most) {
    return;
  }
  const auto left = WallTime{std::chrono::seconds{*seconds}} - m_now.wall_at(m_out.start.boot);
  (void)take_told_end(m_out, *m_profile, m_out.start.boot + left, m_profile->end_variable);
}

Result<void> Resolver::settle_start() {
  // What was derived holds whatever the platform turned out to be, within the same session.
  const auto choice = choose(m_sources, key::k_start, true);
  const bool said_again =
      choice.said && choice.said->origin == Origin::flag && m_sources.stored != nullptr;
  if (said_again) {
    // settle_session found it to be the same moment: the stored one has seen no jump of the clock.
    m_out.start = m_sources.stored->start;
    record(key::k_start, *choice.said);
  } else if (choice.said) {
    const auto start = parse_session_start(*choice.said->value, choice.said->detail, m_now);
    if (!start) {
      return start.error();
    }
    m_out.start.boot = *start;
    m_out.start.wall = m_now.wall_at(*start);
    m_out.start.source = std::string(to_text(choice.said->origin));
    m_out.start.confidence = Confidence::high;
    m_out.start.evidence = {
        fmt::format("{} says {}", choice.said->detail, printable(*choice.said->value))};
    auto v = *choice.said;
    if (m_sources.stored == nullptr && m_request.stored &&
        same_session(*m_request.stored, m_request.facts)) {
      v.note = fmt::format("a new session of this machine begins; the one before began at {}",
                           format_local(m_request.stored->start.wall));
    }
    record(key::k_start, std::move(v));
  } else if (choice.stored == nullptr) {
    derive_start(m_out.daemon_start);
  } else if (start_outgrown()) {
    const bool daemon_fits = m_now.boot - m_out.daemon_start <= m_out.limit->value;
    derive_start(daemon_fits ? m_out.daemon_start : m_now.boot);
  } else if (start_was_a_guess()) {
    derive_start(m_out.daemon_start);
  } else {
    m_out.start = m_sources.stored->start;
    record_stored(key::k_start, choice);
  }
  return {};
}

} // namespace gpujob::platform
