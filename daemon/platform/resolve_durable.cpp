// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/resolver.h"
#include "daemon/platform/values.h"

#include <algorithm>

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

bool is_mounted(const DurablePlace& place, const std::vector<Mount>& mounts) {
  return place.require_mount.empty() || filesystem_type(mounts, place.path) == place.require_mount;
}

/// Below a mount of its type, wherever that is. By the mount table alone: a mount may hang.
std::optional<std::string> find_elsewhere(const DurablePlace& place,
                                          const std::vector<Mount>& mounts) {
  const auto it = std::ranges::find(mounts, place.require_mount, &Mount::type);
  if (!place.anywhere || it == mounts.end()) {
    return std::nullopt;
  }
  return place.anywhere->empty() ? it->point : it->point + "/" + *place.anywhere;
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
  const auto& mounts = m_request.facts.mounts;
  const auto& places = m_profile->durable_write;
  const auto there =
      std::ranges::find_if(places, [&](const auto& p) { return is_mounted(p, mounts); });
  if (there != places.end()) {
    place = &*there;
    path = place->path;
  } else {
    for (const auto& candidate : places) {
      if (auto found = find_elsewhere(candidate, mounts)) {
        place = &candidate;
        path = std::move(*found);
        break;
      }
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
