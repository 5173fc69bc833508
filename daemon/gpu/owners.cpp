// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/owners.h"

#include "common/proc.h"

#include <chrono>

namespace gpujob::gpu {

namespace {

constexpr Duration k_again = std::chrono::minutes{1};

} // namespace

Owners::Owners(std::string devices)
    : m_devices(std::move(devices)), m_first_namespace(in_first_pid_namespace()) {}

const GpuOwner& Owners::find(int pid, BootTime now) {
  static const GpuOwner k_nobody;
  const auto stat = proc::read_stat(pid);
  if (!stat) {
    return k_nobody;
  }
  const auto [it, is_new] = m_known.try_emplace({pid, stat->start_ticks});
  auto& known = it->second;
  if (is_new || (!known.owner.here && now - known.looked >= k_again)) {
    known.owner = m_devices.empty() ? find_owner(pid, m_first_namespace)
                                    : find_owner(pid, m_first_namespace, m_devices);
    known.looked = now;
  }
  known.seen = now;
  return known.owner;
}

void Owners::find(Look& look, const IsOurs& is_ours) {
  for (auto& device : look.devices) {
    if (device.view.processes) {
      for (auto& process : *device.view.processes) {
        process.owner = find(process.pid, look.at.boot);
        if (!process.owner.job_id.empty() && !is_ours(process.owner.job_id)) {
          process.owner.job_id.clear();
        }
      }
    }
  }
  std::erase_if(m_known, [&](const auto& item) { return item.second.seen != look.at.boot; });
  count_owners(look);
}

} // namespace gpujob::gpu
