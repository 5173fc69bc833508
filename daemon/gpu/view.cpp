// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/view.h"

#include "common/json.h"
#include "common/text.h"

#include <nlohmann/json.hpp>

namespace gpujob::gpu {

namespace {

using json::Json;

/// Of more jobs on one GPU the answer would not fit a frame.
constexpr std::size_t k_most_jobs = 8;

Json maybe(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json();
}

Json xid(const GpuView& view) {
  return view.xid_count ? Json{{"last", maybe(view.last_xid)}, {"count", *view.xid_count}} : Json();
}

Json text(const std::string& value) {
  return value.empty() ? Json() : Json(printable(value));
}

} // namespace

Json devices_view(const Look& look, const Now& now,
                  const std::function<std::string(const std::string&)>& name_of) {
  auto out = Json::array();
  for (const auto& device : look.devices) {
    const auto& view = device.view;
    auto jobs = Json::array();
    for (const auto& job : device.jobs) {
      if (jobs.size() == k_most_jobs) {
        break;
      }
      jobs.push_back({{"job", job.id}, {"name", name_of(job.id)}, {"memory", maybe(job.memory)}});
    }
    out.push_back(
        {{"vendor", printable(view.vendor)},
         {"index", view.index},
         {"uuid", printable(device.key)},
         {"name", text(view.name)},
         {"state", printable(view.state)},
         {"error", text(view.error)},
         {"use_percent", maybe(view.use_percent)},
         {"memory_used", maybe(view.memory_used)},
         {"memory_total", maybe(view.memory_total)},
         {"temperature_c", maybe(view.temperature_c)},
         {"power_mw", maybe(view.power_mw)},
         {"power_limit_mw", maybe(view.power_limit_mw)},
         {"throttle", view.throttle},
         {"xid", xid(view)},
         {"idle_s", view.use_percent
                        ? Json(device.idle_since ? to_seconds(now.boot - *device.idle_since) : 0.0)
                        : Json()},
         {"jobs", std::move(jobs)},
         {"others", maybe(device.others)}});
  }
  return out;
}

Json point_view(const GpuSample& s) {
  return Json::array({s.at, maybe(s.use_percent), maybe(s.memory_used), maybe(s.temperature_c),
                      maybe(s.power_mw)});
}

} // namespace gpujob::gpu
