// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/resolver.h"
#include "daemon/platform/values.h"

#include <filesystem>

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

namespace {

/// Where it lies now; nullopt: what must be mounted is not.
std::optional<std::string> find_place(const DurablePlace& place, const std::vector<Mount>& mounts) {
  if (place.require_mount.empty() || filesystem_type(mounts, place.path) == place.require_mount) {
    return place.path;
  }
  for (const auto& m : mounts) {
    const auto dir =
        m.point + (place.anywhere.value_or("").empty() ? "" : "/") + place.anywhere.value_or("");
    std::error_code ignored;
    if (place.anywhere && m.type == place.require_mount && std::filesystem::exists(dir, ignored)) {
      return dir;
    }
  }
  return std::nullopt;
}

} // namespace

/// The first place that is there; when none is, the first is what the user is told of.
void Resolver::derive_durable() {
  if (m_profile->durable_write.empty()) {
    record_derived(key::k_durable, std::nullopt, Origin::profile);
    return;
  }
  const auto* place = &m_profile->durable_write.front();
  auto path = place->path;
  for (const auto& candidate : m_profile->durable_write) {
    if (auto found = find_place(candidate, m_request.facts.mounts)) {
      place = &candidate;
      path = std::move(*found);
      break;
    }
  }
  m_out.durable = DurableSetting{ours_below(path), place->level, place->require_mount, place->hint,
                                 Origin::profile};
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
  } else if (choice.stored != nullptr && !m_sources.revive && !is_word(choice.stored->origin) &&
             m_sources.stored->durable &&
             mount_problem(*m_sources.stored->durable, m_request.facts.mounts)) {
    derive_durable(); // it was not there, or is no longer: perhaps another one is
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
