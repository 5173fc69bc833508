// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/answer.h"

#include "common/errc.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/gpu/probe/amd.h"

#include <exception>
#include <fmt/format.h>
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

Json snapshot(Nvidia& nvidia, const std::string& sysfs) {
  Json reply{{"ok", true},         {"driver", nullptr},        {"cuda", nullptr}, {"nvml", nullptr},
             {"library", nullptr}, {"devices", Json::array()}, {"why", nullptr}};
  const auto no_nvidia = nvidia.look(reply);
  const auto no_amd = look_at_amd(sysfs, reply);
  // A library that is there and does not work is told of, whatever else there is.
  const bool broken = !no_nvidia.empty() && no_nvidia != "no NVIDIA library";
  if (reply["devices"].empty() || broken) {
    reply["why"] = printable(broken ? no_nvidia : no_nvidia + ", " + no_amd);
  }
  return reply;
}

} // namespace

Probe::Probe(std::string nvml, std::string sysfs)
    : m_nvidia(std::move(nvml)), m_sysfs(sysfs.empty() ? "/sys" : std::move(sysfs)) {}

std::string Probe::answer(std::string_view request) {
  const auto failed = [](const Error& e) {
    return json::dump({{"ok", false}, {"errc", errc_text(e.code)}, {"error", printable(e.text)}});
  };
  try {
    if (const auto good = check(request); !good) {
      return failed(good.error());
    }
    return json::dump(snapshot(m_nvidia, m_sysfs));
  } catch (const std::exception& e) {
    return failed(Error{Errc::io, fmt::format("gpujob-gpuprobe: {}", e.what())});
  }
}

} // namespace gpujob::gpu
