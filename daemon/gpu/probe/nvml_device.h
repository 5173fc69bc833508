// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/probe/nvml_library.h"

#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::gpu::nvml {

/// A number that a reader takes: neither NVML's "not available" nor beyond what a JSON reader
/// holds.
inline std::optional<unsigned long long> sane(std::optional<unsigned long long> value) {
  return value && *value <= std::numeric_limits<long long>::max() ? value : std::nullopt;
}

/// A process that uses a GPU. What is not known is not there.
struct Process {
  std::optional<unsigned> pid;
  const char* kind = "compute"; ///< graphics, mps
  std::optional<unsigned long long> memory;
  std::optional<unsigned> gpu_instance, compute_instance;
  std::optional<unsigned> use, memory_use; ///< percent
};

/// Questions to one device, GPU or MIG. Whatever it does not answer is unknown: nullopt, never 0.
/// Once it says that the GPU is lost it is asked no more, since each such call may take long.
class Asked {
public:
  Asked(const Library& library, Device device) : m_nvml(library), m_device(device) {}

  template <typename Value, typename Function, typename... Arguments>
  std::optional<Value> one(Function function, Arguments... arguments) {
    Value value{};
    return call(function, arguments..., &value) ? std::optional(value) : std::nullopt;
  }
  /// Its first; the second is what it will be after a restart.
  template <typename Value>
  std::optional<bool> enabled(int (*function)(Device, Value*, Value*)) {
    Value now{};
    Value pending{};
    return call(function, &now, &pending) ? std::optional(now != 0) : std::nullopt;
  }
  std::optional<std::string> text(int (*function)(Device, char*, unsigned));
  /// In bytes, as JSON: "total", "used", "free", "reserved".
  nlohmann::json memory();
  std::optional<std::string> pci_bus();
  /// nullopt: it does not say who uses it.
  std::optional<std::vector<Process>> processes();
  /// Adds to each of `processes` what it used by its newest sample after `since_us` (of the wall
  /// clock), which becomes the time of the newest of all.
  void add_use(std::vector<Process>& processes, unsigned long long& since_us,
               unsigned long long now_us);

  /// Why it is asked no more; 0: it is.
  [[nodiscard]] int gone() const { return m_gone; }
  void give_up(int code) { m_gone = code; }

private:
  template <typename Function, typename... Arguments>
  bool call(Function function, Arguments... arguments) {
    return function != nullptr && m_gone == 0 && take(function(m_device, arguments...));
  }
  bool take(int code) {
    if (code == k_gpu_is_lost || code == k_reset_required) {
      m_gone = code;
    }
    return code == k_success;
  }
  bool add_processes(std::vector<Process>& into, Library::Processes function, const char* kind);

  const Library& m_nvml;
  Device m_device;
  int m_gone = 0;
};

} // namespace gpujob::gpu::nvml
