// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/shape.h"

#include "common/json.h"
#include "common/text.h"

#include <nlohmann/json.hpp>

namespace gpujob::gpu {

namespace {

nlohmann::json nulls(std::initializer_list<const char*> keys) {
  auto out = nlohmann::json::object();
  for (const char* key : keys) {
    out[key] = nullptr;
  }
  return out;
}

} // namespace

nlohmann::json empty_device(const char* vendor, unsigned index) {
  auto d = nulls({"error", "uuid", "name", "pci", "temperature_c", "power_mw", "power_limit_mw",
                  "throttle", "processes", "minor", "xid"});
  d["vendor"] = vendor;
  d["index"] = index;
  d["state"] = "ok";
  d["processes_left_out"] = 0;
  d["utilization"] = nulls({"gpu", "memory"});
  d["memory"] = nulls({"total", "used", "free", "reserved"});
  d["clocks_mhz"] = d["clocks_max_mhz"] = nulls({"graphics", "sm", "memory", "video"});
  d["ecc"] = nulls({"enabled", "corrected", "uncorrected", "corrected_ever", "uncorrected_ever"});
  d["pcie"] = nulls({"generation", "generation_max", "width", "width_max"});
  d["mig"] = {{"enabled", nullptr}, {"devices", nlohmann::json::array()}};
  return d;
}

nlohmann::json name_or_null(const std::optional<std::string>& name) {
  return json::text_or_null(name ? printable(*name) : "");
}

} // namespace gpujob::gpu
