// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/platform/inputs.h"
#include "daemon/platform/settings.h"

#include <optional>
#include <string>

namespace gpujob::platform {

/// A setting and all its names; `variable` is nullptr where no environment variable sets it.
struct SettingKey {
  const char* name;
  const char* flag;
  const char* variable;
  std::optional<std::string> SettingTexts::*text;
};

namespace key {
inline constexpr SettingKey k_platform{"platform", "--platform", "GPUJOB_PLATFORM",
                                       &SettingTexts::platform};
inline constexpr SettingKey k_plan{"plan", "--plan", nullptr, &SettingTexts::plan};
inline constexpr SettingKey k_limit{"session_limit", "--session-limit", "GPUJOB_SESSION_LIMIT",
                                    &SettingTexts::session_limit};
inline constexpr SettingKey k_start{"session_start", "--session-start", "GPUJOB_SESSION_START",
                                    &SettingTexts::session_start};
inline constexpr SettingKey k_durable{"durable", "--durable", "GPUJOB_DURABLE_DIR",
                                      &SettingTexts::durable};
inline constexpr SettingKey k_slots{"slots", "--slots", nullptr, &SettingTexts::slots};
inline constexpr SettingKey k_notices{"notices", "--notices", nullptr, &SettingTexts::notices};
inline constexpr SettingKey k_on_warning{"on_warning", "--on-warning", nullptr,
                                         &SettingTexts::on_warning};
inline constexpr SettingKey k_flush{"flush", "--flush", nullptr, &SettingTexts::flush};
inline constexpr SettingKey k_state{"state_dir", "--state", "GPUJOB_STATE_DIR",
                                    &SettingTexts::state_dir};
inline constexpr SettingKey k_runtime{"runtime_dir", "--runtime", "GPUJOB_RUNTIME_DIR",
                                      &SettingTexts::runtime_dir};
} // namespace key

/// Which source decides a setting: at most one of both is set; none: the profile does.
struct Choice {
  std::optional<SettingValue> said; ///< now, by a person
  const SettingValue* stored = nullptr;
  std::string note; ///< what was said now and lost against `stored`
};

/// What may be asked, and in which order.
struct Sources {
  const Inputs* inputs = nullptr;
  const SessionSettings* stored = nullptr; ///< of this same session, else nullptr
  bool revive = false;                     ///< stored wins over all
};

/// Flag, stored words of a person, environment, config, other stored values (only if
/// `derived_holds`: what they were derived from is still the same).
Choice choose(const Sources& sources, const SettingKey& key, bool derived_holds);

/// Whether a person decided, not a profile.
bool is_word(Origin o);

} // namespace gpujob::platform
