// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/choice.h"

#include "common/text.h"

#include <fmt/format.h>

namespace gpujob::platform {

namespace {

SettingValue value_of(const std::string& text, Origin origin, std::string detail) {
  SettingValue v;
  v.value = text;
  v.origin = origin;
  v.detail = std::move(detail);
  return v;
}

std::optional<SettingValue> from_flag(const Inputs& in, const SettingKey& key) {
  const auto& text = in.flags.*key.text;
  return text ? std::optional(value_of(*text, Origin::flag, key.flag)) : std::nullopt;
}

/// Environment, then config.
std::optional<SettingValue> from_surroundings(const Inputs& in, const SettingKey& key) {
  if (const auto& text = in.environment.*key.text; text && key.variable != nullptr) {
    return value_of(*text, Origin::environment, key.variable);
  }
  if (const auto& text = in.config.*key.text) {
    return value_of(*text, Origin::config, fmt::format("{}: {}", in.config_path, key.name));
  }
  return std::nullopt;
}

} // namespace

bool is_word(Origin o) {
  return o == Origin::flag || o == Origin::environment || o == Origin::config;
}

Choice choose(const Sources& sources, const SettingKey& key, bool derived_holds) {
  Choice c;
  if (sources.stored != nullptr) {
    const auto it = sources.stored->settings.find(key.name);
    if (it != sources.stored->settings.end()) {
      c.stored = &it->second;
    }
  }
  const bool stored_word = c.stored != nullptr && is_word(c.stored->origin);
  auto flag = from_flag(*sources.inputs, key);
  if (flag && !(sources.revive && c.stored != nullptr)) {
    return {std::move(flag), nullptr, {}};
  }
  if (sources.revive && (stored_word || (c.stored != nullptr && derived_holds))) {
    return c;
  }
  auto around = from_surroundings(*sources.inputs, key);
  if (stored_word) {
    if (around && around->value != c.stored->value) {
      c.note = fmt::format("{} is not used: {}: give {} to change it", around->detail,
                           printable(*around->value), key.flag);
    }
    return c;
  }
  if (around) {
    return {std::move(around), nullptr, {}};
  }
  return derived_holds ? c : Choice{};
}

} // namespace gpujob::platform
