// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/attribution.h"
#include "common/gpu/snapshot.h"
#include "common/time.h"
#include "daemon/gpu/look.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::gpu {

/// Who the processes on GPUs are. They are looked for in /proc when what the drivers tell of them
/// has changed, and otherwise every ten seconds: one may open its GPU later, or end unseen.
class Owners {
public:
  using IsOurs = std::function<bool(const std::string& job_id)>;

  /// `devices`: how the paths of GPU devices begin; empty: the usual.
  explicit Owners(const std::string& devices);

  /// Fills the owners of all processes, then counts them. A job that is not this daemon's is none.
  void find(Look& look, const IsOurs& is_ours);

private:
  void attribute(Look& look);
  void repeat(Look& look) const;

  GpuAttribution m_attribution;
  std::string m_told; ///< by the drivers, at the last search
  BootTime m_searched{};
  std::vector<std::optional<std::vector<GpuProcess>>> m_found; ///< then, of each device
};

} // namespace gpujob::gpu
