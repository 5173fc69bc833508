// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/snapshot.h"
#include "common/time.h"
#include "daemon/gpu/probe/attribution.h"

#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::gpu {

/// Who the processes on GPUs are. They are looked for in /proc when what the drivers tell of them
/// has changed, and otherwise every ten seconds: one may open its GPU later, or end unseen. That is
/// done beside the look, since one that hangs in a driver may let nobody read what it is.
class Owners {
public:
  /// Fills the owners in; `at` is when the driver was asked.
  using Search = std::function<void(GpuSnapshot& snapshot, BootTime at)>;

  explicit Owners(Search search, Duration patience = std::chrono::seconds{1})
      : m_search(std::move(search)), m_patience(patience) {}

  /// False: /proc does not answer, and nobody was filled in.
  bool find(GpuSnapshot& snapshot, BootTime at);

private:
  bool search(GpuSnapshot& snapshot, BootTime at);
  void repeat(GpuSnapshot& snapshot) const;

  Search m_search;
  Duration m_patience;
  std::future<GpuSnapshot> m_pending; ///< one that did not come back in time
  std::optional<std::string> m_told;  ///< by the drivers, at the last search
  BootTime m_searched{};
  GpuSnapshot m_found; ///< then
};

} // namespace gpujob::gpu
