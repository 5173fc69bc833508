// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/nvidia.h"

#include "common/json.h"
#include "common/text.h"
#include "daemon/gpu/probe/nvml_device.h"
#include "daemon/gpu/probe/shape.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <tuple>
#include <utility>
#include <vector>

namespace gpujob::gpu {

namespace {

using json::Json;
using nvml::Asked;
using nvml::Library;

// No machine has more; a library that says so is believed no further.
constexpr unsigned k_most_gpus = 64;
constexpr unsigned k_most_migs = 16;

/// How old a sample of a process's use may be: what was before is not what it does now.
constexpr unsigned long long k_sample_age_us = 2'000'000;

unsigned long long wall_us() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<unsigned long long>(now.tv_sec) * 1'000'000U +
         static_cast<unsigned long long>(now.tv_nsec) / 1'000U;
}

template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

/// A percentage; some drivers have told of 2^32 - 1.
Json percent(unsigned value) {
  constexpr unsigned k_all = 100;
  return value <= k_all ? Json(value) : Json();
}

/// "12.4" of 12040
Json cuda_version(std::optional<int> number) {
  return number ? Json(fmt::format("{}.{}", *number / 1000, *number % 1000 / 10)) : Json();
}

Json throttle_names(std::optional<unsigned long long> bits) {
  if (!bits) {
    return nullptr;
  }
  auto names = Json::array();
  for (std::size_t i = 0; i < std::size(nvml::k_throttle_reasons); ++i) {
    if ((*bits >> i & 1U) != 0) {
      names.push_back(nvml::k_throttle_reasons[i]);
    }
  }
  if (*bits >> std::size(nvml::k_throttle_reasons) != 0) {
    names.push_back("other"); // newer than this list
  }
  return names;
}

Json ecc(Asked& gpu, const Library& n) {
  const auto errors = [&](int kind, int counter) {
    return or_null(nvml::sane(gpu.one<unsigned long long>(n.ecc_errors, kind, counter)));
  };
  return {{"enabled", or_null(gpu.enabled(n.ecc_mode))},
          {"corrected", errors(nvml::k_corrected, nvml::k_volatile)},
          {"uncorrected", errors(nvml::k_uncorrected, nvml::k_volatile)},
          {"corrected_ever", errors(nvml::k_corrected, nvml::k_aggregate)},
          {"uncorrected_ever", errors(nvml::k_uncorrected, nvml::k_aggregate)}};
}

Json clocks(Asked& gpu, int (*function)(nvml::Device, int, unsigned*)) {
  const auto mhz = [&](int which) { return or_null(gpu.one<unsigned>(function, which)); };
  return {{"graphics", mhz(nvml::k_graphics)},
          {"sm", mhz(nvml::k_sm)},
          {"memory", mhz(nvml::k_memory)},
          {"video", mhz(nvml::k_video)}};
}

Json identity(Asked& gpu, const Library& n) {
  return {{"uuid", name_or_null(gpu.text(n.uuid))},
          {"name", name_or_null(gpu.text(n.name))},
          {"pci", name_or_null(gpu.pci_bus())},
          {"minor", or_null(gpu.one<unsigned>(n.minor_number))},
          {"clocks_max_mhz", clocks(gpu, n.max_clock)},
          {"pcie",
           {{"generation_max", or_null(gpu.one<unsigned>(n.pcie_max_generation))},
            {"width_max", or_null(gpu.one<unsigned>(n.pcie_max_width))}}}};
}

void add_measured(Json& out, Asked& gpu, const Library& n) {
  if (const auto use = gpu.one<nvml::Utilization>(n.utilization)) {
    out["utilization"] = {{"gpu", percent(use->gpu)}, {"memory", percent(use->memory)}};
  }
  out["memory"] = gpu.memory();
  out["temperature_c"] = or_null(gpu.one<unsigned>(n.temperature, nvml::k_temperature_gpu));
  out["power_mw"] = or_null(gpu.one<unsigned>(n.power_usage));
  out["power_limit_mw"] = or_null(gpu.one<unsigned>(n.power_limit));
  out["clocks_mhz"] = clocks(gpu, n.clock);
  out["throttle"] = throttle_names(gpu.one<unsigned long long>(n.throttle_reasons));
  out["ecc"] = ecc(gpu, n);
  out["pcie"]["generation"] = or_null(gpu.one<unsigned>(n.pcie_generation));
  out["pcie"]["width"] = or_null(gpu.one<unsigned>(n.pcie_width));
}

using Processes = std::optional<std::vector<nvml::Process>>;

/// A GPU in MIG mode tells all of its processes only to who may know them all; each of its
/// instances tells its own. One that both tell of is one.
void merge(Processes& into, Processes more) {
  if (!more) {
    return;
  }
  if (!into) {
    into.emplace();
  }
  const auto key = [](const nvml::Process& p) {
    return std::tuple(p.pid, p.gpu_instance, p.compute_instance, std::string_view(p.kind));
  };
  for (auto& p : *more) {
    const auto same = std::ranges::find(*into, key(p), key);
    if (same == into->end()) {
      into->push_back(p);
    } else if (!same->memory) {
      same->memory = p.memory; // the GPU itself does not tell it to everybody
    }
  }
}

Json look_at_mig(Asked& mig, const Library& n, unsigned index) {
  return {{"index", index},
          {"uuid", name_or_null(mig.text(n.uuid))},
          {"name", name_or_null(mig.text(n.name))},
          {"gpu_instance", or_null(mig.one<unsigned>(n.gpu_instance))},
          {"compute_instance", or_null(mig.one<unsigned>(n.compute_instance))},
          {"memory", mig.memory()}};
}

/// Who uses an instance is on it, also where the entries of the list have no room to say so.
Processes of_instance(Processes list, const Json& mig) {
  if (!list) {
    return list;
  }
  for (auto& p : *list) {
    if (!p.gpu_instance && mig["gpu_instance"].is_number()) {
      p.gpu_instance = mig["gpu_instance"].get<unsigned>();
    }
    if (!p.compute_instance && mig["compute_instance"].is_number()) {
      p.compute_instance = mig["compute_instance"].get<unsigned>();
    }
  }
  return list;
}

void add_mig(Json& out, Processes& processes, Asked& gpu, const Library& n) {
  const auto enabled = gpu.enabled(n.mig_mode);
  out["mig"]["enabled"] = or_null(enabled);
  const auto most = enabled.value_or(false) ? gpu.one<unsigned>(n.mig_max_count) : std::nullopt;
  for (unsigned i = 0; i < std::min(most.value_or(0), k_most_migs) && gpu.gone() == 0; ++i) {
    // A number that no instance has is as usual as one that has: NOT_FOUND.
    if (const auto handle = gpu.one<nvml::Device>(n.mig_by_index, i)) {
      Asked mig(n, *handle);
      out["mig"]["devices"].push_back(look_at_mig(mig, n, i));
      merge(processes, of_instance(mig.processes(), out["mig"]["devices"].back()));
      gpu.give_up(mig.gone()); // an instance goes with its GPU
    }
  }
}

Json list(const Processes& processes) {
  if (!processes) {
    return nullptr;
  }
  auto out = Json::array();
  for (const auto& p : *processes) {
    out.push_back({{"pid", or_null(p.pid)},
                   {"kind", p.kind},
                   {"memory", or_null(p.memory)},
                   {"utilization", {{"gpu", or_null(p.use)}, {"memory", or_null(p.memory_use)}}},
                   {"gpu_instance", or_null(p.gpu_instance)},
                   {"compute_instance", or_null(p.compute_instance)}});
  }
  return out;
}

} // namespace

Nvidia::Nvidia(std::string library) : m_path(std::move(library)) {}
Nvidia::~Nvidia() = default;

Json Nvidia::versions() const {
  std::array<char, nvml::k_text_size + 1> text{};
  const auto ask = [&](int (*function)(char*, unsigned)) {
    text.fill(0);
    return function != nullptr && function(text.data(), nvml::k_text_size) == nvml::k_success
               ? name_or_null(std::string(text.data()))
               : Json();
  };
  int cuda = 0;
  const bool has_cuda =
      m_nvml->system_cuda_version != nullptr && m_nvml->system_cuda_version(&cuda) == 0;
  return {{"driver", ask(m_nvml->system_driver_version)},
          {"nvml", ask(m_nvml->system_nvml_version)},
          {"cuda", cuda_version(has_cuda ? std::optional(cuda) : std::nullopt)},
          {"library", printable(m_nvml->file())}};
}

Json Nvidia::look_at(unsigned index, nvml::Device handle, int code) {
  auto out = empty_device("nvidia", index);
  out["xid"] = m_xids.seen(index);
  Asked gpu(*m_nvml, handle);
  if (code != nvml::k_success) {
    gpu.give_up(code);
  } else if (!m_identity.contains(index)) {
    auto known = identity(gpu, *m_nvml);
    if (gpu.gone() == 0) {
      m_identity.emplace(index, std::move(known));
    }
  }
  if (const auto known = m_identity.find(index); known != m_identity.end()) {
    for (const char* key : {"uuid", "name", "pci", "minor"}) {
      out[key] = known->second[key];
    }
    out["clocks_max_mhz"] = known->second["clocks_max_mhz"];
    out["pcie"].update(known->second["pcie"]);
  }
  if (gpu.gone() == 0) {
    add_measured(out, gpu, *m_nvml);
    auto processes = gpu.processes();
    add_mig(out, processes, gpu, *m_nvml);
    if (processes) {
      const auto now = wall_us();
      auto& since = m_newest_sample[index];
      since = std::clamp(since, now - k_sample_age_us, now);
      gpu.add_use(*processes, since, now);
    }
    out["processes"] = list(processes);
  }
  if (gpu.gone() != 0) {
    const auto lost = gpu.gone() == nvml::k_gpu_is_lost;
    out["state"] = lost ? "lost" : "unusable";
    out["error"] = printable(m_nvml->text_of(gpu.gone()));
  }
  return out;
}

std::string Nvidia::look(Json& reply) {
  if (!m_nvml) {
    auto library = nvml::Library::open(m_path);
    if (!library) {
      return library.error().text;
    }
    m_nvml = std::move(*library);
  }
  reply.update(versions());
  unsigned count = 0;
  if (const int code = m_nvml->device_count(&count); code != nvml::k_success) {
    auto why = m_nvml->file() + ": " + m_nvml->text_of(code);
    m_nvml.reset(); // to be initialised anew the next time
    m_identity.clear();
    m_xids.clear();
    return why;
  }
  count = std::min(count, k_most_gpus);
  if (std::exchange(m_count, count) != count) {
    m_identity.clear();
  }
  std::vector<std::pair<nvml::Device, int>> handles(count);
  for (unsigned i = 0; i < count; ++i) {
    auto& [handle, code] = handles[i];
    code = m_nvml->device_by_index(i, &handle);
    if (code == nvml::k_success) {
      m_xids.watch(*m_nvml, i, handle);
    }
  }
  m_xids.take(*m_nvml); // all of them, before the first is looked at
  for (unsigned i = 0; i < count; ++i) {
    reply["devices"].push_back(look_at(i, handles[i].first, handles[i].second));
  }
  return count == 0 ? m_nvml->file() + ": sees no GPU" : "";
}

} // namespace gpujob::gpu
