// SPDX-License-Identifier: Apache-2.0
#include "client/render/gpu_snapshots.h"

#include "client/render/table.h"
#include "common/clock.h"
#include "common/gpu/snapshot.h"
#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vector>

namespace gpujob::client {

namespace {

using json::Json;

/// "37 % 1.1 GB"
std::string gpu_in_words(const GpuView& gpu) {
  if (gpu.state != "ok") {
    return gpu.state;
  }
  const auto use = gpu.use_percent ? fmt::format("{} %", *gpu.use_percent) : "?";
  const auto bytes = std::max<std::int64_t>(0, gpu.memory_used.value_or(0));
  return use + " " + (gpu.memory_used ? format_bytes(static_cast<unsigned long long>(bytes)) : "?");
}

/// "0: 37 % 1.1 GB" of each GPU.
std::string gpus_in_words(const Json& document) {
  const auto snapshot = read_gpu_snapshot(document);
  if (!snapshot) {
    return "?";
  }
  std::string out;
  for (const auto& gpu : snapshot->gpus) {
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", gpu.index, gpu_in_words(gpu));
  }
  return out;
}

} // namespace

std::string render_gpu_snapshots(const Json& snapshots) {
  std::vector<std::vector<std::string>> rows{{"WHEN", "WHY", "JOB", "ATTEMPT", "GPUS"}};
  for (const auto& item : snapshots) {
    gpujob::json::Reader r(item, "gpu snapshot");
    const auto at = parse_rfc3339(r.text_or("at", ""));
    const auto attempt = r.maybe_integer("attempt");
    const auto* document = r.find("document");
    rows.push_back({at ? format_local(*at) : "?", r.text_or("reason", "?"), r.text_or("job", "-"),
                    attempt ? std::to_string(*attempt) : "-",
                    document == nullptr ? "?" : gpus_in_words(*document)});
  }
  return render_table(rows);
}

} // namespace gpujob::client
