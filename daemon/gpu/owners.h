// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/owner.h"
#include "common/time.h"
#include "daemon/gpu/look.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace gpujob::gpu {

/// Who the processes on GPUs are. A process is looked at once; one that is not ours to name is
/// looked at again after a minute, since it may have opened its GPU meanwhile.
class Owners {
public:
  using IsOurs = std::function<bool(const std::string& job_id)>;

  /// `devices`: how the paths of GPU devices begin; empty: the usual.
  explicit Owners(std::string devices);

  /// Fills the owners of all processes, then counts them. A job that is not this daemon's is none.
  void find(Look& look, const IsOurs& is_ours);

private:
  struct Known {
    GpuOwner owner;
    BootTime seen{}, looked{};
  };
  const GpuOwner& find(int pid, BootTime now);

  std::string m_devices;
  bool m_first_namespace;
  std::map<std::pair<int, std::uint64_t>, Known> m_known; ///< by pid and its start
};

} // namespace gpujob::gpu
