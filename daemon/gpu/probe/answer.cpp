// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/answer.h"

#include "common/errc.h"
#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <fmt/format.h>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::gpu {

namespace {

using json::Json;

Result<void> check(std::string_view text) {
  const auto request = json::parse(text, "gpu request");
  if (!request) {
    return request.error();
  }
  json::Reader r(*request, "gpu request");
  const auto op = r.text("op");
  if (!r.ok()) {
    return r.error();
  }
  if (op != "snapshot") {
    return Error{Errc::bad_data,
                 fmt::format("gpu request: op: '{}' is not known", printable(op.substr(0, 60)))};
  }
  return {};
}

Json snapshot(Nvidia& nvidia, Amd& amd) {
  Json reply{{"ok", true},         {"driver", nullptr},        {"cuda", nullptr}, {"nvml", nullptr},
             {"library", nullptr}, {"devices", Json::array()}, {"why", nullptr}};
  const auto no_nvidia = nvidia.look(reply);
  const auto no_amd = amd.look(reply);
  // A library that is there and does not work is told of, whatever else there is.
  const bool broken = !no_nvidia.empty() && no_nvidia != "no NVIDIA library";
  if (reply["devices"].empty() || broken) {
    reply["why"] = printable(broken ? no_nvidia : no_nvidia + ", " + no_amd);
  }
  return reply;
}

/// Only those of a device's processes that use most of its memory.
void keep_processes(Json& device, std::size_t most) {
  if (!device["processes"].is_array() || device["processes"].size() <= most) {
    return;
  }
  auto& list = device["processes"].get_ref<Json::array_t&>();
  const auto memory = [](const Json& p) {
    return p["memory"].is_number() ? p["memory"].get<std::int64_t>() : -1;
  };
  std::ranges::stable_sort(list, std::ranges::greater(), memory);
  device["processes_left_out"] =
      device["processes_left_out"].get<std::size_t>() + list.size() - most;
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(most), list.end());
}

/// Who asked takes no more than a frame.
std::string dump_to_fit(Json reply) {
  constexpr std::size_t k_largest = 62U << 10U;
  auto text = json::dump(reply);
  for (std::size_t most = 256; text.size() > k_largest && most > 0; most /= 2) {
    for (auto& device : reply["devices"]) {
      keep_processes(device, most);
    }
    text = json::dump(reply);
  }
  return text;
}

} // namespace

Probe::Probe(std::string nvml, std::string sysfs, std::string proc)
    : m_nvidia(std::move(nvml)),
      m_amd(sysfs.empty() ? "/sys" : std::move(sysfs), proc.empty() ? "/proc" : std::move(proc)) {}

std::string Probe::answer(std::string_view request) {
  const auto failed = [](const Error& e) {
    return json::dump({{"ok", false}, {"errc", errc_text(e.code)}, {"error", printable(e.text)}});
  };
  try {
    if (const auto good = check(request); !good) {
      return failed(good.error());
    }
    return dump_to_fit(snapshot(m_nvidia, m_amd));
  } catch (const std::exception& e) {
    return failed(Error{Errc::io, fmt::format("gpujob-gpuprobe: {}", e.what())});
  }
}

} // namespace gpujob::gpu
