// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/probe/nvml_library.h"
#include "daemon/gpu/probe/nvml_xid.h"

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::gpu {

/// The NVIDIA GPUs of this machine, through NVML, which stays initialised between looks. Any look
/// may hang for as long as the driver does.
class Nvidia {
public:
  /// `library`: that file alone; empty: wherever it is.
  explicit Nvidia(std::string library);
  ~Nvidia();

  /// One look: adds to `reply` the versions and to its "devices" what there is. Empty, or why there
  /// is nothing, for people.
  std::string look(nlohmann::json& reply);

private:
  [[nodiscard]] nlohmann::json versions() const;
  /// `code`: why there is no handle of it.
  nlohmann::json look_at(unsigned index, nvml::Device handle, int code);

  std::string m_path;
  std::unique_ptr<nvml::Library> m_nvml;
  /// What never changes of a device, by its index: not asked twice, and still known of a lost one.
  std::map<unsigned, nlohmann::json> m_identity;
  unsigned m_count = 0;
  nvml::XidWatch m_xids;
  std::map<unsigned, unsigned long long> m_newest_sample; ///< of processes' use, us, by index
};

} // namespace gpujob::gpu
