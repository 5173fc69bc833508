// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/answer.h"

#include "common/clock.h"
#include "common/errc.h"
#include "common/gpu/snapshot.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/gpu/probe/owner_json.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <fmt/format.h>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace gpujob::gpu {

namespace {

using json::Json;

struct Request {
  bool with_programs = false; ///< command lines, which may hold what is nobody's business
};

Result<Request> read_request(std::string_view text) {
  const auto request = json::parse(text, "gpu request");
  if (!request) {
    return request.error();
  }
  json::Reader r(*request, "gpu request");
  const auto op = r.text("op");
  const Request read{r.boolean_or("programs", false)};
  if (!r.ok()) {
    return r.error();
  }
  if (op != "snapshot") {
    return Error{Errc::bad_data,
                 fmt::format("gpu request: op: '{}' is not known", printable(op.substr(0, 60)))};
  }
  return read;
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

/// The whole of a command line is worth less than another process.
void cut_programs(Json& device) {
  constexpr std::size_t k_enough = 120;
  for (auto& process : device["processes"]) {
    if (auto& program = process["program"]; program.is_string()) {
      auto& text = program.get_ref<std::string&>();
      text.resize(std::min(text.size(), k_enough)); // of what is UTF-8 dump() makes the end whole
    }
  }
}

/// Who asked takes no more than a frame.
std::string dump_to_fit(Json reply) {
  constexpr std::size_t k_largest = 62U << 10U;
  auto text = json::dump(reply);
  if (text.size() > k_largest) {
    for (auto& device : reply["devices"]) {
      cut_programs(device);
    }
    text = json::dump(reply);
  }
  for (std::size_t most = 256; text.size() > k_largest && most > 0; most /= 2) {
    for (auto& device : reply["devices"]) {
      keep_processes(device, most);
    }
    text = json::dump(reply);
  }
  return text;
}

} // namespace

Probe::Probe(std::string nvml, std::string sysfs, std::string proc, const std::string& devices)
    : m_nvidia(std::move(nvml)),
      m_amd(sysfs.empty() ? "/sys" : std::move(sysfs), proc.empty() ? "/proc" : std::move(proc)),
      m_attribution(devices.empty() ? GpuAttribution() : GpuAttribution(devices)),
      m_owners([this](GpuSnapshot& s, BootTime at) { m_attribution.find_owners(s, at); }) {}

Json Probe::snapshot(bool with_programs) {
  Json reply{{"ok", true},         {"driver", nullptr},        {"cuda", nullptr}, {"nvml", nullptr},
             {"library", nullptr}, {"devices", Json::array()}, {"why", nullptr}};
  const auto no_nvidia = m_nvidia.look(reply);
  const auto no_amd = m_amd.look(reply);
  // A library that is there and does not work is told of, whatever else there is.
  const bool broken = !no_nvidia.empty() && no_nvidia != "no NVIDIA library";
  if (reply["devices"].empty() || broken) {
    reply["why"] = printable(broken ? no_nvidia : no_nvidia + ", " + no_amd);
  }
  auto read = read_gpu_snapshot(reply);
  if (!read) {
    throw std::logic_error(read.error().text);
  }
  if (m_owners.find(*read, read_clocks().boot)) {
    add_owners(reply, *read, with_programs);
  } else {
    drop_processes(reply);
    reply["why"] = "who uses the GPUs is not known: /proc could not be read within a second";
  }
  return reply;
}

std::string Probe::answer(std::string_view request) {
  const auto failed = [](const Error& e) {
    return json::dump({{"ok", false}, {"errc", errc_text(e.code)}, {"error", printable(e.text)}});
  };
  try {
    const auto read = read_request(request);
    return read ? dump_to_fit(snapshot(read->with_programs)) : failed(read.error());
  } catch (const std::exception& e) {
    return failed(Error{Errc::io, fmt::format("gpujob-gpuprobe: {}", e.what())});
  }
}

} // namespace gpujob::gpu
