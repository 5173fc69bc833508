// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/platform/choice.h"
#include "daemon/platform/profile.h"
#include "daemon/platform/resolve.h"

#include <optional>
#include <string>
#include <vector>

namespace gpujob::platform {

/// One run of resolve_settings: settles a setting after the other, each by those before it. Lives
/// no longer than the call; only for resolve*.cpp.
class Resolver {
public:
  Resolver(const ResolveRequest& request, const std::vector<Profile>& profiles, Now now)
      : m_request(request), m_profiles(profiles), m_now(now) {
    m_sources.inputs = &request.inputs;
    m_sources.revive = request.revive;
  }

  Result<SessionSettings> run() {
    GPUJOB_TRY(settle_session());
    GPUJOB_TRY(settle_platform());
    GPUJOB_TRY(settle_plan());
    GPUJOB_TRY(settle_limit());
    GPUJOB_TRY(settle_start());
    if (m_sources.stored == nullptr) {
      take_end_variable();
    }
    GPUJOB_TRY(settle_durable());
    GPUJOB_TRY(settle_slots());
    GPUJOB_TRY(settle_notices());
    settle_on_warning();
    GPUJOB_TRY(settle_flush());
    report_path(key::k_state, m_request.state_dir);
    report_path(key::k_runtime, m_request.runtime_dir);
    return std::move(m_out);
  }

private:
  Result<void> settle_session();
  Result<void> settle_platform();
  Result<void> settle_plan();
  Result<void> settle_limit();
  Result<void> settle_start();
  void take_end_variable();
  Result<void> settle_durable();
  Result<void> settle_slots();
  Result<void> settle_notices();
  void derive_cloud_notices();
  void settle_on_warning();
  Result<void> settle_flush();
  void report_path(const SettingKey& k, const ChosenPath& chosen);

  Result<void> say_plan(const SettingValue& said);
  Result<void> say_limit(const SettingValue& said);
  void derive_limit();
  void derive_start(BootTime daemon_start);
  /// Whether the stored start cannot hold: nobody said it, and the limit it must fit in has
  /// changed.
  bool start_outgrown() const;
  bool start_was_a_guess() const;
  Result<void> say_durable(const SettingValue& said);
  void derive_durable();
  void derive_read_dirs();

  Choice choose_for(const SettingKey& k) const { return choose(m_sources, k, m_derived_holds); }
  void record(const SettingKey& k, SettingValue v) { m_out.settings[k.name] = std::move(v); }
  void record_stored(const SettingKey& k, const Choice& c) {
    auto v = *c.stored;
    v.stored = true;
    v.note = c.note;
    record(k, std::move(v));
  }
  void record_derived(const SettingKey& k, std::optional<std::string> value, Origin origin,
                      std::string note = {}) {
    SettingValue v;
    v.value = std::move(value);
    v.origin = origin;
    v.detail = origin == Origin::profile ? m_profile->id : "";
    v.note = std::move(note);
    record(k, std::move(v));
  }

  const ResolveRequest& m_request;
  const std::vector<Profile>& m_profiles;
  Now m_now;
  Sources m_sources;
  const Profile* m_profile = nullptr;
  bool m_derived_holds = true; ///< platform, variant and plan are as stored
  SessionSettings m_out;
};

} // namespace gpujob::platform
