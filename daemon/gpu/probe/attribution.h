// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/snapshot.h"
#include "common/time.h"
#include "daemon/gpu/probe/join.h"
#include "daemon/gpu/probe/owner.h"

#include <map>
#include <string>
#include <vector>

namespace gpujob::gpu {

struct GpuOpener;

/// Finds who the processes are that use GPUs. Where the driver's pids are ours it is asked of
/// /proc; in a container it is judged (join.h), better the more looks there were.
class GpuAttribution {
public:
  /// `devices`: how the paths of NVIDIA's devices begin.
  explicit GpuAttribution(std::string devices = "/dev/nvidia",
                          bool first_namespace = in_first_pid_namespace());

  /// Fills the owners. In a container, where a driver lists nobody, those who have the GPU open are
  /// added, without a pid. `at` is after the driver was asked: who was started later is not
  /// meant.
  void find_owners(GpuSnapshot& snapshot, BootTime at);

private:
  struct Known {
    GpuUsers users;
    std::vector<JoinedProcess> joined;
  };

  void name_listed(std::vector<GpuProcess>& list, bool by_fdinfo, BootTime at) const;
  void join(GpuView& gpu, const std::vector<GpuOpener>& openers);
  void add_openers(GpuView& gpu, const std::vector<OpenProcess>& open) const;
  [[nodiscard]] GpuOwner owner_of(const std::vector<int>& pids, const std::string& how) const;

  std::string m_devices;
  bool m_first_namespace;
  std::map<std::int64_t, Known> m_known; ///< the last look at each GPU, by its minor
};

} // namespace gpujob::gpu
