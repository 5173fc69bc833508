// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/probe/drm_client.h"

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <tuple>
#include <vector>

namespace gpujob::gpu {

/// Who uses AMD GPUs, by what the kernel tells of open files. What their engines did is the
/// difference between two looks, so it is kept from one to the next.
class AmdProcesses {
public:
  /// `proc` is /proc, or what stands for it.
  explicit AmdProcesses(std::string proc) : m_proc(std::move(proc)) {}

  /// Reads all of /proc.
  void look();
  /// Those of the device at this PCI address; null: it cannot be told.
  [[nodiscard]] nlohmann::json of(const std::string& pci) const;

private:
  struct Use {
    int pid = 0;
    DrmClient client;
    std::int64_t busy_before_ns = -1; ///< at the last look; -1: it was not there
  };
  using Key = std::tuple<int, std::string, std::int64_t>;

  std::string m_proc;
  std::vector<Use> m_uses;
  std::map<Key, std::int64_t> m_busy_ns;
  std::int64_t m_at_ns = 0, m_elapsed_ns = 0;
  bool m_can_tell = false;
};

} // namespace gpujob::gpu
