// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/gpu/probe/nvml_abi.h"

#include <initializer_list>
#include <memory>
#include <string>

namespace gpujob::gpu::nvml {

/// libnvidia-ml.so.1, opened at run time and initialised. A function of which the library has no
/// form is null. It is never closed: that has hung while a driver misbehaves.
class Library {
public:
  /// `path`: that file and no other; empty: the loader's own search, then k_nvml_places.
  /// Errc::not_found: there is none. Otherwise what the library said of it.
  static Result<std::unique_ptr<Library>> open(const std::string& path);
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();

  /// What the library calls this failure.
  [[nodiscard]] std::string text_of(int code) const;
  /// The file it was loaded from.
  [[nodiscard]] const std::string& file() const { return m_file; }

  int (*system_driver_version)(char*, unsigned) = nullptr;
  int (*system_nvml_version)(char*, unsigned) = nullptr;
  int (*system_cuda_version)(int*) = nullptr;
  int (*device_count)(unsigned*) = nullptr;
  int (*device_by_index)(unsigned, Device*) = nullptr;
  int (*uuid)(Device, char*, unsigned) = nullptr;
  int (*name)(Device, char*, unsigned) = nullptr;
  int (*minor_number)(Device, unsigned*) = nullptr;
  int (*pci_info)(Device, PciInfo*) = nullptr;
  bool pci_info_is_v3 = false; ///< else the bus id is the legacy one
  int (*utilization)(Device, Utilization*) = nullptr;
  int (*memory_v2)(Device, MemoryV2*) = nullptr;
  int (*memory)(Device, Memory*) = nullptr;
  int (*temperature)(Device, int, unsigned*) = nullptr;
  int (*power_usage)(Device, unsigned*) = nullptr;
  int (*power_limit)(Device, unsigned*) = nullptr;
  int (*clock)(Device, int, unsigned*) = nullptr;
  int (*max_clock)(Device, int, unsigned*) = nullptr;
  int (*throttle_reasons)(Device, unsigned long long*) = nullptr;
  int (*ecc_mode)(Device, int*, int*) = nullptr;
  int (*ecc_errors)(Device, int, int, unsigned long long*) = nullptr;
  int (*pcie_generation)(Device, unsigned*) = nullptr;
  int (*pcie_width)(Device, unsigned*) = nullptr;
  int (*pcie_max_generation)(Device, unsigned*) = nullptr;
  int (*pcie_max_width)(Device, unsigned*) = nullptr;
  int (*mig_mode)(Device, unsigned*, unsigned*) = nullptr;
  int (*mig_max_count)(Device, unsigned*) = nullptr;
  int (*mig_by_index)(Device, unsigned, Device*) = nullptr;
  int (*gpu_instance)(Device, unsigned*) = nullptr;
  int (*compute_instance)(Device, unsigned*) = nullptr;
  /// Count in and out, then entries whose size the library alone knows.
  using Processes = int (*)(Device, unsigned*, void*);
  Processes compute_processes = nullptr, graphics_processes = nullptr, mps_processes = nullptr;
  std::size_t process_size = 0; ///< of an entry, by the form of the function that was found
  int (*process_utilization)(Device, UtilizationSample*, unsigned*,
                             unsigned long long since_us) = nullptr;
  int (*event_set_create)(EventSet*) = nullptr;
  int (*register_events)(Device, unsigned long long types, EventSet) = nullptr;
  int (*event_wait)(EventSet, EventData*, unsigned timeout_ms) = nullptr;

private:
  explicit Library(void* handle) : m_handle(handle) {}
  /// The first of these names that the library has.
  template <typename Function>
  bool find(Function& function, std::initializer_list<const char*> names);
  void find_all();
  void find_processes();

  void* m_handle;
  std::string m_file;
  int (*m_shutdown)() = nullptr;
  const char* (*m_error_string)(int) = nullptr;
};

} // namespace gpujob::gpu::nvml
