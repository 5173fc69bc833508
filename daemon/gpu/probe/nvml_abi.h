// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// The part of NVML's binary interface that we use, declared by us: there is no header of NVIDIA's
/// to build with, and the library is never linked. Sources: the "NVML API Reference"
/// (docs.nvidia.com /deploy/nvml-api), the nvml.h of CUDA 12 as go-nvml carries it
/// (gen/nvml/nvml.h), and NVIDIA's own Python binding (nvidia-ml-py 12.560.30), by which the
/// layouts were checked.
namespace gpujob::gpu::nvml {

/// nvmlReturn_t
enum Return : int {
  k_success = 0,
  k_uninitialized = 1,
  k_not_supported = 3,
  k_no_permission = 4,
  k_not_found = 6,
  k_insufficient_size = 7,
  k_driver_not_loaded = 9,
  k_function_not_found = 13, ///< ours, too: the library lacks every form of it
  k_gpu_is_lost = 15,
  k_reset_required = 16,
  k_version_mismatch = 18,
};

/// nvmlDevice_t, opaque
using Device = struct nvmlDevice_st*;

/// nvmlUtilization_t, in percent
struct Utilization {
  unsigned gpu, memory;
};

/// nvmlMemory_t, in bytes; `used` has what driver and firmware keep for themselves in it
struct Memory {
  unsigned long long total, free, used;
};

/// nvmlMemory_v2_t (CUDA 11.6; R510); `reserved` apart
struct MemoryV2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
};
/// NVML_STRUCT_VERSION: the struct's size, its version in the top byte
constexpr unsigned k_memory_v2 = sizeof(MemoryV2) | (2U << 24U);
static_assert(k_memory_v2 == 0x02000028);

/// nvmlPciInfo_t of nvmlDeviceGetPciInfo_v3 (R384). Before, the bus id was the first field alone,
/// and four reserved numbers (16 bytes) stood where `bus_id` is: what is older is never larger.
struct PciInfo {
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};
static_assert(sizeof(PciInfo) == 68 && offsetof(PciInfo, bus_id) == 36);

/// nvmlProcessInfo_v1_t, v2_t, and what _v3 wrote in the first drivers of R535. The library writes
/// one of them, whatever its function is called (nvidia.cpp, stride()).
struct ProcessV1 {
  unsigned pid;
  unsigned long long used_memory;
};
struct ProcessV2 {
  unsigned pid;
  unsigned long long used_memory;
  unsigned gpu_instance, compute_instance;
};
struct ProcessV3 {
  unsigned pid;
  unsigned long long used_memory;
  unsigned gpu_instance, compute_instance;
  unsigned long long protected_memory;
};
static_assert(sizeof(ProcessV1) == 16 && sizeof(ProcessV2) == 24 && sizeof(ProcessV3) == 32);

/// nvmlProcessUtilizationSample_t: percent, and the time by the wall clock in microseconds
struct UtilizationSample {
  unsigned pid;
  unsigned long long time_us;
  unsigned sm, memory, encoder, decoder;
};
static_assert(sizeof(UtilizationSample) == 32 && offsetof(UtilizationSample, sm) == 16);

/// nvmlEventSet_t, opaque
using EventSet = struct nvmlEventSet_st*;

/// nvmlEventData_t; nvmlEventSetWait (before _v2) leaves the instances out
struct EventData {
  Device device;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
};
static_assert(sizeof(EventData) == 32);
/// nvmlEventTypeXidCriticalError; its data is the Xid
constexpr unsigned long long k_xid_event = 8;

/// NVML_VALUE_NOT_AVAILABLE
constexpr auto k_no_value = ~0ULL;
/// No MIG instance
constexpr auto k_no_instance = ~0U;

/// nvmlTemperatureSensors_t
constexpr int k_temperature_gpu = 0;
/// nvmlClockType_t
enum Clock : int { k_graphics = 0, k_sm = 1, k_memory = 2, k_video = 3 };
/// nvmlMemoryErrorType_t, nvmlEccCounterType_t
enum EccError : int { k_corrected = 0, k_uncorrected = 1 };
enum EccCounter : int {
  k_volatile = 0,
  k_aggregate = 1
}; ///< since the driver's start, of all time

/// NVML_DEVICE_NAME_V2_BUFFER_SIZE and NVML_DEVICE_UUID_V2_BUFFER_SIZE; the others are smaller
constexpr unsigned k_text_size = 96;

/// nvmlClocksEventReasons, in the order of their bits
constexpr const char* k_throttle_reasons[] = {
    "idle",       "application_clocks", "sw_power_cap",   "hw_slowdown",    "sync_boost",
    "sw_thermal", "hw_thermal",         "hw_power_brake", "display_clocks",
};

} // namespace gpujob::gpu::nvml
