// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/probe/nvml_library.h"

#include <map>
#include <nlohmann/json_fwd.hpp>

namespace gpujob::gpu::nvml {

/// The Xid errors that the driver tells of from now on: what came before is in the kernel's log
/// alone.
class XidWatch {
public:
  /// From the first call for a device on; harmless to repeat.
  void watch(const Library& library, unsigned index, Device device);
  /// Takes what has come, and waits for nothing.
  void take(const Library& library);
  /// "last" (the code; null: none yet) and "count"; null: this device's are not told.
  [[nodiscard]] nlohmann::json seen(unsigned index) const;
  /// The library is another now, and so are the handles.
  void clear();

private:
  struct Watched {
    Device device = nullptr;
    bool told = false; ///< the driver took the registration
    unsigned long long last = 0, count = 0;
  };

  EventSet m_set = nullptr;
  bool m_tried = false;
  std::map<unsigned, Watched> m_devices; ///< by their index
};

} // namespace gpujob::gpu::nvml
