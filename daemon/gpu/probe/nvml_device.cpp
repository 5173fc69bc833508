// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/nvml_device.h"

#include "common/json.h"

#include <algorithm>
#include <limits>

namespace gpujob::gpu::nvml {

namespace {

using json::Json;

/// No byte of a pid, a size of memory or an instance that is the last of an entry.
constexpr unsigned char k_untouched = 0xA5;
constexpr std::size_t k_largest = sizeof(ProcessV3);
constexpr unsigned k_usual_processes = 64;
constexpr int k_tries = 4;

/// How large the entries are that were written. The name of the function does not tell: the first
/// drivers of R535 wrote 32 bytes where _v3 has 24 (nvitop #79), and some write 16 there (#226).
/// Where that many bytes were not touched as any of them makes, `documented` it is.
std::size_t stride(const std::vector<unsigned char>& buffer, std::size_t count,
                   std::size_t documented) {
  const auto untouched = [](unsigned char c) { return c == k_untouched; };
  const auto last = std::find_if_not(buffer.rbegin(), buffer.rend(), untouched);
  const auto written = static_cast<std::size_t>(buffer.rend() - last);
  for (const auto size : {sizeof(ProcessV1), sizeof(ProcessV2), sizeof(ProcessV3)}) {
    if (written == count * size) {
      return size;
    }
  }
  return documented;
}

constexpr unsigned k_largest_pid = std::numeric_limits<int>::max();
constexpr unsigned k_percent = 100;
constexpr unsigned k_usual_samples = 128;
constexpr unsigned k_most_samples = 1U << 16U;

Process read_process(const unsigned char* entry, std::size_t size, const char* kind) {
  ProcessV2 raw{};
  raw.gpu_instance = raw.compute_instance = k_no_instance;
  std::memcpy(&raw, entry, std::min(size, sizeof raw)); // a ProcessV1 is how it begins
  Process p;
  // 0 is what a driver says of whom it does not name, all bits what one says that means nobody.
  if (raw.pid != 0 && raw.pid <= k_largest_pid) {
    p.pid = raw.pid;
  }
  p.kind = kind;
  p.memory = sane(raw.used_memory);
  if (raw.gpu_instance != k_no_instance) {
    p.gpu_instance = raw.gpu_instance;
  }
  if (raw.compute_instance != k_no_instance) {
    p.compute_instance = raw.compute_instance;
  }
  return p;
}

Json bytes(unsigned long long value) {
  const auto known = sane(value);
  return known ? Json(*known) : Json();
}

} // namespace

std::optional<std::string> Asked::text(int (*function)(Device, char*, unsigned)) {
  std::array<char, k_text_size + 1> buffer{};
  if (!call(function, buffer.data(), k_text_size)) {
    return std::nullopt;
  }
  return std::string(buffer.data());
}

Json Asked::memory() {
  Json out{{"total", nullptr}, {"used", nullptr}, {"free", nullptr}, {"reserved", nullptr}};
  MemoryV2 v2{};
  v2.version = k_memory_v2;
  if (call(m_nvml.memory_v2, &v2)) {
    out = {{"total", bytes(v2.total)},
           {"used", bytes(v2.used)},
           {"free", bytes(v2.free)},
           {"reserved", bytes(v2.reserved)}};
  } else if (const auto v1 = one<Memory>(m_nvml.memory)) {
    out["total"] = bytes(v1->total);
    out["used"] = bytes(v1->used);
    out["free"] = bytes(v1->free);
  }
  return out;
}

std::optional<std::string> Asked::pci_bus() {
  const auto info = one<PciInfo>(m_nvml.pci_info);
  if (!info) {
    return std::nullopt;
  }
  return m_nvml.pci_info_is_v3
             ? std::string(info->bus_id, ::strnlen(info->bus_id, sizeof info->bus_id))
             : std::string(info->bus_id_legacy,
                           ::strnlen(info->bus_id_legacy, sizeof info->bus_id_legacy));
}

bool Asked::add_processes(std::vector<Process>& into, Library::Processes function,
                          const char* kind) {
  if (function == nullptr || m_gone != 0) {
    return false;
  }
  unsigned room = k_usual_processes;
  // Between two calls there may come more of them.
  for (int i = 0; i < k_tries; ++i) {
    std::vector<unsigned char> buffer(room * k_largest, k_untouched);
    unsigned count = room;
    const int code = function(m_device, &count, buffer.data());
    if (code == k_insufficient_size && count < 1U << 20U) {
      room = std::max(room, count) * 2;
      continue;
    }
    if (!take(code) || count > room) {
      return false;
    }
    const auto size = count == 0 ? 1 : stride(buffer, count, m_nvml.process_size);
    for (std::size_t n = 0; n < count; ++n) {
      into.push_back(read_process(&buffer[n * size], size, kind));
    }
    return true;
  }
  return false;
}

namespace {

/// One that computes and draws is in both lists, with the same memory: it is listed once.
void merge_same(std::vector<Process>& found) {
  std::vector<Process> once;
  for (auto& p : found) {
    const auto same = std::ranges::find_if(once, [&](const Process& o) {
      return p.pid && o.pid == p.pid && o.gpu_instance == p.gpu_instance &&
             o.compute_instance == p.compute_instance;
    });
    if (same == once.end()) {
      once.push_back(std::move(p));
    } else if (!same->memory) {
      same->memory = p.memory;
    }
  }
  found = std::move(once);
}

} // namespace

std::optional<std::vector<Process>> Asked::processes() {
  std::vector<Process> found;
  const bool knows = add_processes(found, m_nvml.compute_processes, "compute");
  const bool knows_graphics = add_processes(found, m_nvml.graphics_processes, "graphics");
  const bool knows_mps = add_processes(found, m_nvml.mps_processes, "mps");
  merge_same(found);
  return knows || knows_graphics || knows_mps ? std::optional(std::move(found)) : std::nullopt;
}

void Asked::add_use(std::vector<Process>& processes, unsigned long long& since_us,
                    unsigned long long now_us) {
  if (processes.empty() || m_nvml.process_utilization == nullptr || m_gone != 0) {
    return;
  }
  std::vector<UtilizationSample> samples(k_usual_samples);
  unsigned count = 0;
  int code = k_insufficient_size;
  for (int i = 0; i < k_tries && code == k_insufficient_size; ++i) {
    samples.resize(std::max<std::size_t>(samples.size(), count * std::size_t{2}));
    count = static_cast<unsigned>(samples.size());
    code = m_nvml.process_utilization(m_device, samples.data(), &count, since_us);
    if (count > k_most_samples) {
      return;
    }
  }
  // NOT_FOUND: there is no newer one.
  if (!take(code) || count > samples.size()) {
    return;
  }
  samples.resize(count);
  std::ranges::stable_sort(samples, {}, &UtilizationSample::time_us);
  for (const auto& sample : samples) {
    // A time ahead of ours, as some drivers have told, must not silence those that follow.
    since_us = std::max(since_us, std::min(sample.time_us, now_us));
    for (auto& p : processes) {
      if (p.pid == sample.pid) {
        p.use = sample.sm <= k_percent ? std::optional(sample.sm) : std::nullopt;
        p.memory_use = sample.memory <= k_percent ? std::optional(sample.memory) : std::nullopt;
      }
    }
  }
}

} // namespace gpujob::gpu::nvml
