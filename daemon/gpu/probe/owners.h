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
/// done beside the look, since one that hangs in a driver may let nobody read what it is; until it
/// is done those who are listed as before are who they were.
class Owners {
public:
  /// Fills the owners in; `at` is when the driver was asked.
  using Search = std::function<void(GpuSnapshot& snapshot, BootTime at)>;

  explicit Owners(Search search, Duration patience = std::chrono::seconds{1})
      : m_search(std::move(search)), m_patience(patience) {}

  /// False: /proc has not answered yet, or cannot be asked, and nobody was filled in.
  bool find(GpuSnapshot& snapshot, BootTime at);

private:
  /// What the drivers told, and when.
  struct Told {
    std::string text;
    BootTime at{};
  };

  void search(const GpuSnapshot& snapshot, Told told);
  void repeat(GpuSnapshot& snapshot) const;

  Search m_search;
  Duration m_patience;
  std::future<GpuSnapshot> m_pending;
  Told m_asked;        ///< of the search that is pending
  bool m_late = false; ///< that one: no look waits for it any more
  std::optional<Told> m_told;
  GpuSnapshot m_found; ///< of m_told
};

} // namespace gpujob::gpu
