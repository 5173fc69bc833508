// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/amd.h"

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/gpu/probe/shape.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace gpujob::gpu {

namespace {

using json::Json;

// What sysfs gives at once is a page, of whatever size this machine's are.
constexpr std::size_t k_page = 64U << 10U;

std::optional<std::string> attribute(const std::string& path) {
  const auto text = read_file(path, k_page);
  if (!text || trim(*text).empty()) {
    return std::nullopt;
  }
  return std::string(trim(*text));
}

/// Not there, not readable (EBUSY of a GPU that sleeps), no number: unknown.
Json number(const std::string& path, long long divisor = 1) {
  const auto text = attribute(path);
  const auto value = text ? parse_int(*text) : std::nullopt;
  return value && *value >= 0 ? Json(*value / divisor) : Json();
}

/// "card0"; not "card0-HDMI-A-1", not "renderD128".
std::optional<long long> card_number(const std::string& name) {
  return name.starts_with("card") ? parse_int(std::string_view(name).substr(4)) : std::nullopt;
}

/// A line of the device's uevent: "DRIVER=amdgpu".
std::string uevent(const std::string& device, std::string_view key) {
  for (const auto& line : split(attribute(device + "/uevent").value_or(""), '\n')) {
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == '=') {
      return line.substr(key.size() + 1);
    }
  }
  return {};
}

/// The first hwmon of the device: its number is any.
std::string hwmon_of(const std::string& device) {
  std::error_code failed;
  std::vector<std::string> found;
  std::filesystem::directory_iterator entries(device + "/hwmon", failed);
  for (; entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    found.push_back(entries->path().string());
  }
  return found.empty() ? std::string() : *std::ranges::min_element(found);
}

/// "16.0 GT/s PCIe": generation 4. A generation is what its speed is.
Json pcie_generation(const std::string& path) {
  const auto text = attribute(path).value_or("");
  constexpr std::string_view k_speeds[] = {"2.5", "5.0", "8.0", "16.0", "32.0", "64.0"};
  for (std::size_t i = 0; i < std::size(k_speeds); ++i) {
    if (text.starts_with(k_speeds[i]) && text.substr(k_speeds[i].size()).starts_with(" GT/s")) {
      return i + 1;
    }
  }
  return nullptr;
}

void add_sensors(Json& out, const std::string& hwmon) {
  constexpr long long k_milli = 1000;
  constexpr long long k_mega = 1'000'000;
  out["temperature_c"] = number(hwmon + "/temp1_input", k_milli); // millidegrees
  // Microwatts: APUs and newer cards have the one or the other.
  auto power = number(hwmon + "/power1_average", k_milli);
  out["power_mw"] = power.is_null() ? number(hwmon + "/power1_input", k_milli) : power;
  out["power_limit_mw"] = number(hwmon + "/power1_cap", k_milli);
  out["clocks_mhz"]["graphics"] = number(hwmon + "/freq1_input", k_mega); // Hz
  out["clocks_mhz"]["memory"] = number(hwmon + "/freq2_input", k_mega);
}

/// The fastest of a clock's levels: "2: 1700Mhz *", the last of a list that may stand in any order.
Json fastest_mhz(const std::string& path) {
  std::optional<long long> fastest;
  for (const auto& line : split(attribute(path).value_or(""), '\n')) {
    const auto value =
        trim(std::string_view(line).substr(std::min(line.find(':'), line.size() - 1) + 1));
    const auto mhz = parse_int(value.substr(0, value.find_first_not_of("0123456789")));
    if (mhz && *mhz > fastest.value_or(0)) {
      fastest = mhz;
    }
  }
  return fastest ? Json(*fastest) : Json();
}

/// Of the memory since the driver started: "ue: 0" and "ce: 3", a line each.
void add_ecc(Json& out, const std::string& device) {
  const auto text = attribute(device + "/ras/umc_err_count");
  if (!text) {
    return;
  }
  out["ecc"]["enabled"] = true;
  for (const auto& line : split(*text, '\n')) {
    const auto count =
        line.size() > 3 ? parse_int(trim(std::string_view(line).substr(3))) : std::nullopt;
    if (count && *count >= 0 && (line.starts_with("ue:") || line.starts_with("ce:"))) {
      out["ecc"][line.starts_with("ue:") ? "uncorrected" : "corrected"] = *count;
    }
  }
}

Json look_at(const std::string& device, unsigned index) {
  auto out = empty_device("amd", index);
  const auto name = attribute(device + "/product_name"); // server cards have one
  out["name"] = name_or_null(name ? name : "AMD GPU " + uevent(device, "PCI_ID"));
  if (const auto id = attribute(device + "/unique_id")) {
    out["uuid"] = "GPU-" + printable(*id);
  }
  out["pci"] = name_or_null(uevent(device, "PCI_SLOT_NAME"));
  out["utilization"] = {{"gpu", number(device + "/gpu_busy_percent")},
                        {"memory", number(device + "/mem_busy_percent")}};
  auto& memory = out["memory"];
  memory["total"] = number(device + "/mem_info_vram_total");
  memory["used"] = number(device + "/mem_info_vram_used");
  if (memory["total"].is_number() && memory["used"].is_number()) {
    const auto total = memory["total"].get<long long>();
    memory["free"] = std::max(total - memory["used"].get<long long>(), 0LL);
  }
  if (const auto hwmon = hwmon_of(device); !hwmon.empty()) {
    add_sensors(out, hwmon);
  }
  out["pcie"] = {{"generation", pcie_generation(device + "/current_link_speed")},
                 {"generation_max", pcie_generation(device + "/max_link_speed")},
                 {"width", number(device + "/current_link_width")},
                 {"width_max", number(device + "/max_link_width")}};
  out["clocks_max_mhz"]["graphics"] = fastest_mhz(device + "/pp_dpm_sclk");
  out["clocks_max_mhz"]["memory"] = fastest_mhz(device + "/pp_dpm_mclk");
  add_ecc(out, device);
  return out;
}

} // namespace

Amd::Amd(std::string sysfs, std::string proc)
    : m_sysfs(std::move(sysfs)), m_processes(std::move(proc)) {}

std::string Amd::look(Json& reply) {
  std::vector<std::pair<long long, std::string>> cards;
  std::error_code failed;
  std::filesystem::directory_iterator entries(m_sysfs + "/class/drm", failed);
  for (; entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    const auto device = entries->path().string() + "/device";
    const auto card = card_number(entries->path().filename().string());
    if (card && uevent(device, "DRIVER") == "amdgpu") {
      cards.emplace_back(*card, device);
    }
  }
  std::ranges::sort(cards);
  if (!cards.empty()) {
    m_processes.look();
  }
  unsigned index = 0;
  for (const auto& [number_of_card, device] : cards) {
    reply["devices"].push_back(look_at(device, index++));
    auto& seen = reply["devices"].back();
    seen["processes"] = m_processes.of(uevent(device, "PCI_SLOT_NAME"));
  }
  return cards.empty() ? "no amdgpu device" : "";
}

} // namespace gpujob::gpu
