// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/resolve.h"

#include "common/text.h"
#include "daemon/platform/detect.h"
#include "daemon/platform/notice.h"
#include "daemon/platform/resolver.h"
#include "daemon/platform/values.h"

#include <algorithm>
#include <fmt/ranges.h>

namespace gpujob::platform {

Result<void> Resolver::settle_platform() {
  const auto choice = choose_for(key::k_platform);
  Detection d;
  if (choice.stored != nullptr) {
    const auto& s = *m_sources.stored;
    d = {s.platform, s.variant, s.evidence, s.conflicts, s.confidence};
    record_stored(key::k_platform, choice);
  } else if (choice.said) {
    auto named =
        override_platform(m_profiles, m_request.facts, *choice.said->value, choice.said->detail);
    if (!named) {
      return named.error();
    }
    d = std::move(*named);
    record(key::k_platform, *choice.said);
  } else {
    d = detect_platform(m_profiles, m_request.facts);
  }
  m_profile = find_profile(m_profiles, d.platform);
  if (m_profile == nullptr) {
    return Error{Errc::bad_data, "profiles: detect: none of them is the fallback"};
  }
  if (choice.stored == nullptr && !choice.said) {
    record_derived(key::k_platform, d.platform,
                   m_profile->detect ? Origin::detected : Origin::fallback);
  }
  m_out.platform = d.platform;
  m_out.key =
      m_profile->key_variable.empty() ? "" : m_request.facts.variable(m_profile->key_variable);
  m_out.variant = d.variant;
  m_out.evidence = std::move(d.evidence);
  m_out.conflicts = std::move(d.conflicts);
  m_out.confidence = d.confidence;
  if (m_sources.stored != nullptr) {
    m_derived_holds =
        m_sources.stored->platform == m_out.platform && m_sources.stored->variant == m_out.variant;
  }
  return {};
}

Result<void> Resolver::say_plan(const SettingValue& said) {
  const auto& plans = m_profile->plans;
  auto v = said;
  if (plans.empty()) {
    // One config serves several platforms: a plan of another one is no mistake.
    v.note = fmt::format("not used: {} has no plans", m_profile->id);
  } else if (std::find(plans.begin(), plans.end(), *said.value) == plans.end()) {
    return Error{Errc::usage,
                 fmt::format("{}: '{}': no plan of {}: use one of {}", said.detail,
                             printable(*said.value), m_profile->id, fmt::join(plans, ", "))};
  } else {
    m_out.plan = *said.value;
  }
  record(key::k_plan, std::move(v));
  return {};
}

Result<void> Resolver::settle_plan() {
  const auto choice = choose_for(key::k_plan);
  if (choice.said) {
    GPUJOB_TRY(say_plan(*choice.said));
  } else if (choice.stored != nullptr && m_derived_holds) {
    m_out.plan = m_sources.stored->plan;
    record_stored(key::k_plan, choice);
  } else if (choice.stored != nullptr && choice.stored->value) {
    GPUJOB_TRY(say_plan(*choice.stored)); // the same words, about another platform
  } else {
    m_out.plan = m_profile->default_plan;
    record_derived(key::k_plan, m_out.plan.empty() ? std::nullopt : std::optional(m_out.plan),
                   m_out.plan.empty() ? Origin::fallback : Origin::profile);
  }
  m_derived_holds =
      m_derived_holds && (m_sources.stored == nullptr || m_sources.stored->plan == m_out.plan);
  return {};
}

Result<void> Resolver::settle_slots() {
  const auto choice = choose_for(key::k_slots);
  if (choice.said) {
    const auto slots = parse_slots(*choice.said->value, choice.said->detail);
    if (!slots) {
      return slots.error();
    }
    m_out.slots = *slots;
    record(key::k_slots, *choice.said);
  } else if (choice.stored != nullptr) {
    m_out.slots = m_sources.stored->slots;
    record_stored(key::k_slots, choice);
  } else {
    record_derived(key::k_slots, std::to_string(m_out.slots), Origin::fallback);
  }
  return {};
}

Result<void> Resolver::settle_notices() {
  const auto choice = choose_for(key::k_notices);
  if (choice.said) {
    if (const auto known = parse_notices(*choice.said->value, choice.said->detail); !known) {
      return known.error();
    }
    record(key::k_notices, *choice.said);
  } else if (choice.stored != nullptr) {
    record_stored(key::k_notices, choice);
  } else if (const auto own = parse_notices(m_profile->notice.kind, ""); own && *own) {
    record_derived(key::k_notices, m_profile->notice.kind, Origin::profile);
  } else {
    derive_cloud_notices();
  }
  return {};
}

/// A machine of one's own that is rented from a cloud is taken away as that cloud does it: what it
/// costs and keeps is the machine's, only the notice comes from below.
void Resolver::derive_cloud_notices() {
  const bool own = !m_profile->detect || m_profile->outlives_session;
  const auto& cloud = m_request.facts.cloud;
  if (!own || cloud.empty()) {
    record_derived(key::k_notices, "none", Origin::profile);
    return;
  }
  SettingValue v;
  v.value = cloud == "ec2" ? "ec2_spot" : "gce_preempted";
  v.origin = Origin::detected;
  v.detail = cloud == "ec2" ? "the firmware is Amazon EC2's" : "the firmware is Google's";
  record(key::k_notices, std::move(v));
}

/// A command line for a shell: what it may be is the shell's to say.
void Resolver::settle_on_warning() {
  const auto choice = choose_for(key::k_on_warning);
  if (choice.said) {
    record(key::k_on_warning, *choice.said);
  } else if (choice.stored != nullptr) {
    record_stored(key::k_on_warning, choice);
  } else {
    record_derived(key::k_on_warning, std::nullopt, Origin::fallback);
  }
}

/// "profile" is the platform's own command; it takes the storage away, so nobody gets it unasked.
Result<void> Resolver::settle_flush() {
  const auto choice = choose_for(key::k_flush);
  if (!choice.said && choice.stored == nullptr) {
    record_derived(key::k_flush, std::nullopt, Origin::fallback);
    return {};
  }
  if (!choice.said) {
    record_stored(key::k_flush, choice);
    return {};
  }
  auto said = *choice.said;
  if (said.value == "profile") {
    const auto& places = m_profile->durable_write;
    const auto it = std::ranges::find_if(places, [](const auto& p) { return !p.flush.empty(); });
    if (it == places.end()) {
      return Error{Errc::usage, fmt::format("{}: profile: {} has no flush: name the command",
                                            said.detail, m_profile->id)};
    }
    said.value = it->flush;
  } else if (said.value == "none") {
    said.value.reset();
  }
  record(key::k_flush, std::move(said));
  return {};
}

void Resolver::report_path(const SettingKey& k, const ChosenPath& chosen) {
  SettingValue v;
  v.value = chosen.path;
  v.origin = origin_from_text(chosen.origin).value_or(Origin::fallback);
  if (v.origin == Origin::flag) {
    v.detail = k.flag;
  } else if (v.origin == Origin::environment) {
    v.detail = k.variable;
  } else if (v.origin == Origin::config) {
    v.detail = fmt::format("{}: {}", m_request.inputs.config_path, k.name);
  }
  record(k, std::move(v));
}

Result<SessionSettings> resolve_settings(const ResolveRequest& request,
                                         const std::vector<Profile>& profiles, Now now) {
  return Resolver(request, profiles, now).run();
}

} // namespace gpujob::platform
