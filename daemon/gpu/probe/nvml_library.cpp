// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/nvml_library.h"

#include "common/gpu_library.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>
#include <unistd.h>

namespace gpujob::gpu::nvml {

namespace {

void* open_one(const std::string& file) {
  // Lazily bound, local: what the library needs and we do not use must not stop us.
  return ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
}

std::string last_complaint() {
  const char* text = ::dlerror();
  return text == nullptr ? "no reason given" : text;
}

/// The loader's own search first: it knows of ld.so.conf and LD_LIBRARY_PATH.
Result<void*> open_anywhere() {
  if (void* handle = open_one(k_nvml_name)) {
    return handle;
  }
  for (const char* place : k_nvml_places) {
    const auto file = std::string(place) + "/" + k_nvml_name;
    if (::access(file.c_str(), F_OK) != 0) {
      continue;
    }
    if (void* handle = open_one(file)) {
      return handle;
    }
    return Error{Errc::io, last_complaint()};
  }
  return Error{Errc::not_found, "no NVIDIA library"};
}

Result<void*> open_file_or_any(const std::string& path) {
  if (path.empty()) {
    return open_anywhere();
  }
  if (::access(path.c_str(), F_OK) != 0) {
    return Error{Errc::not_found, "no NVIDIA library"};
  }
  if (void* handle = open_one(path)) {
    return handle;
  }
  return Error{Errc::io, last_complaint()};
}

std::string file_of(void* handle) {
  const link_map* map = nullptr;
  return ::dlinfo(handle, RTLD_DI_LINKMAP, static_cast<void*>(&map)) == 0 && map != nullptr
             ? map->l_name
             : k_nvml_name;
}

} // namespace

template <typename Function>
bool Library::find(Function& function, std::initializer_list<const char*> names) {
  for (const char* each : names) {
    if (void* symbol = ::dlsym(m_handle, each)) {
      function = reinterpret_cast<Function>(symbol); // what dlsym(3) is for
      return true;
    }
  }
  return false;
}

/// A number at the end of a name is another layout, or another meaning, not merely a newer
/// function: where they differ the form that was found is kept.
void Library::find_all() {
  find(m_shutdown, {"nvmlShutdown"});
  find(m_error_string, {"nvmlErrorString"});
  find(system_driver_version, {"nvmlSystemGetDriverVersion"});
  find(system_nvml_version, {"nvmlSystemGetNVMLVersion"});
  find(system_cuda_version,
       {"nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"});
  find(device_count, {"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"});
  find(device_by_index, {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"});
  find(uuid, {"nvmlDeviceGetUUID"});
  find(name, {"nvmlDeviceGetName"});
  pci_info_is_v3 = find(pci_info, {"nvmlDeviceGetPciInfo_v3"}) ||
                   !find(pci_info, {"nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo"});
  find(utilization, {"nvmlDeviceGetUtilizationRates"});
  find(memory_v2, {"nvmlDeviceGetMemoryInfo_v2"});
  find(memory, {"nvmlDeviceGetMemoryInfo"});
  find(temperature, {"nvmlDeviceGetTemperature"});
  find(power_usage, {"nvmlDeviceGetPowerUsage"});
  find(power_limit, {"nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetPowerManagementLimit"});
  find(clock, {"nvmlDeviceGetClockInfo"});
  find(max_clock, {"nvmlDeviceGetMaxClockInfo"});
  find(throttle_reasons,
       {"nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"});
  find(ecc_mode, {"nvmlDeviceGetEccMode"});
  find(ecc_errors, {"nvmlDeviceGetTotalEccErrors"});
  find(pcie_generation, {"nvmlDeviceGetCurrPcieLinkGeneration"});
  find(pcie_width, {"nvmlDeviceGetCurrPcieLinkWidth"});
  find(pcie_max_generation, {"nvmlDeviceGetMaxPcieLinkGeneration"});
  find(pcie_max_width, {"nvmlDeviceGetMaxPcieLinkWidth"});
  find(mig_mode, {"nvmlDeviceGetMigMode"});
  find(mig_max_count, {"nvmlDeviceGetMaxMigDeviceCount"});
  find(mig_by_index, {"nvmlDeviceGetMigDeviceHandleByIndex"});
  find(gpu_instance, {"nvmlDeviceGetGpuInstanceId"});
  find(compute_instance, {"nvmlDeviceGetComputeInstanceId"});
  find(minor_number, {"nvmlDeviceGetMinorNumber"});
  find(process_utilization, {"nvmlDeviceGetProcessUtilization"});
  find(event_set_create, {"nvmlEventSetCreate"});
  find(register_events, {"nvmlDeviceRegisterEvents"});
  find(event_wait, {"nvmlEventSetWait_v2", "nvmlEventSetWait"});
  find_processes();
}

void Library::find_processes() {
  process_size = sizeof(ProcessV2);
  for (const char* form : {"_v3", "_v2", ""}) {
    const auto named = [&](const char* kind) {
      return fmt::format("nvmlDeviceGet{}RunningProcesses{}", kind, form);
    };
    if (!find(compute_processes, {named("Compute").c_str()})) {
      continue;
    }
    // The other two in the same form only: one size for all.
    find(graphics_processes, {named("Graphics").c_str()});
    find(mps_processes, {named("MPSCompute").c_str()});
    if (*form == '\0') {
      process_size = sizeof(ProcessV1);
    }
    return;
  }
}

Result<std::unique_ptr<Library>> Library::open(const std::string& path) {
  auto handle = open_file_or_any(path);
  if (!handle) {
    return handle.error();
  }
  std::unique_ptr<Library> library(new Library(*handle));
  library->m_file = file_of(*handle);
  const auto failed = [&](const std::string& why) {
    return Error{Errc::io, library->m_file + ": " + why};
  };
  library->find_all();
  int (*init)() = nullptr;
  if (!library->find(init, {"nvmlInit_v2", "nvmlInit"}) || library->device_count == nullptr ||
      library->device_by_index == nullptr) {
    return failed("is no NVML: it has no nvmlInit");
  }
  if (const int code = init(); code != k_success) {
    library->m_shutdown = nullptr;
    return failed(library->text_of(code));
  }
  return library;
}

Library::~Library() {
  if (m_shutdown != nullptr) {
    m_shutdown();
  }
}

std::string Library::text_of(int code) const {
  const char* text = m_error_string == nullptr ? nullptr : m_error_string(code);
  return text == nullptr ? fmt::format("NVML error {}", code) : text;
}

} // namespace gpujob::gpu::nvml
