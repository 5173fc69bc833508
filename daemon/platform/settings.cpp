// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/settings.h"

#include <fmt/format.h>

namespace gpujob::platform {

std::string_view to_text(Origin o) {
  switch (o) {
  case Origin::flag:
    return "flag";
  case Origin::environment:
    return "environment";
  case Origin::config:
    return "config";
  case Origin::detected:
    return "detected";
  case Origin::profile:
    return "profile";
  case Origin::fallback:
    return "default";
  }
  return "default";
}

std::optional<Origin> origin_from_text(std::string_view s) {
  for (const auto o : {Origin::flag, Origin::environment, Origin::config, Origin::detected,
                       Origin::profile, Origin::fallback}) {
    if (s == to_text(o)) {
      return o;
    }
  }
  return std::nullopt;
}

std::optional<BootTime> SessionSettings::ends_at() const {
  return limit ? std::optional(start.boot + limit->value) : std::nullopt;
}

std::optional<BootTime> SessionSettings::plan_end() const {
  return limit ? std::optional(start.boot + limit->value - margin) : std::nullopt;
}

std::string resource_of(const SessionSettings& s, const Facts& facts) {
  return s.variant == "tpu" ? "tpu" : facts.has_gpu ? "gpu" : "cpu";
}

std::string machine_of(const Facts& facts) {
  return facts.has_gpu ? facts.gpu_model : "cpu";
}

bool same_session(const SessionSettings& stored, const Facts& facts) {
  return stored.boot_id == facts.boot_id && stored.pid1_start_ticks == facts.pid1_start_ticks;
}

std::optional<std::string> mount_problem(const DurableSetting& d,
                                         const std::vector<Mount>& mounts) {
  if (d.require_mount.empty() || filesystem_type(mounts, d.path) == d.require_mount) {
    return std::nullopt;
  }
  return fmt::format("durable: {}: {} is not mounted there, so it would not outlive this VM: {}",
                     d.path, d.require_mount, d.hint.empty() ? "mount it" : d.hint);
}

} // namespace gpujob::platform
