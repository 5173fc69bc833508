// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/resolver.h"
#include "daemon/platform/values.h"

namespace gpujob::platform {

namespace {

/// The directory of ours below a durable place, of which other things than we may make use.
std::string ours_below(const std::string& place) {
  return place + "/gpujob";
}

} // namespace

Result<void> Resolver::say_durable(const SettingValue& said) {
  const auto dir = parse_durable(*said.value, said.detail);
  if (!dir) {
    return dir.error();
  }
  record(key::k_durable, said);
  if (!*dir) {
    return {};
  }
  DurableSetting d;
  d.path = **dir;
  d.origin = said.origin;
  for (const auto& place : m_profile->durable_write) {
    if (d.path == place.path || d.path.starts_with(place.path + "/")) {
      d.level = place.level;
      d.require_mount = place.require_mount;
      d.hint = place.hint;
      break;
    }
  }
  m_out.durable = std::move(d);
  return {};
}

void Resolver::derive_durable() {
  if (m_profile->durable_write.empty()) {
    record_derived(key::k_durable, std::nullopt, Origin::profile);
    return;
  }
  const auto& place = m_profile->durable_write.front();
  m_out.durable = DurableSetting{ours_below(place.path), place.level, place.require_mount,
                                 place.hint, Origin::profile};
  record_derived(key::k_durable, m_out.durable->path, Origin::profile);
}

void Resolver::derive_read_dirs() {
  const auto& v = m_out.settings[key::k_durable.name];
  if (is_word(v.origin) && !m_out.durable) {
    return; // switched off
  }
  for (const auto& pattern : m_profile->durable_read) {
    m_out.read_dirs.push_back(ours_below(pattern));
  }
}

Result<void> Resolver::settle_durable() {
  const auto choice = choose_for(key::k_durable);
  if (choice.said) {
    GPUJOB_TRY(say_durable(*choice.said));
  } else if (choice.stored != nullptr) {
    m_out.durable = m_sources.stored->durable;
    record_stored(key::k_durable, choice);
  } else {
    derive_durable();
  }
  derive_read_dirs();
  return {};
}

} // namespace gpujob::platform
