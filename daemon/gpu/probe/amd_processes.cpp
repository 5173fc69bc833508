// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/amd_processes.h"

#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace gpujob::gpu {

namespace {

using json::Json;
namespace fs = std::filesystem;

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// The engine that worked most: they work beside each other.
std::int64_t busy_ns(const DrmClient& client) {
  return std::max(client.compute_ns.value_or(-1), client.graphics_ns.value_or(-1));
}

Json or_null(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json();
}

/// What a process has through several clients, added up.
struct Sum {
  std::optional<std::int64_t> memory, percent;
  bool draws = false, computes = false;
};

void add(std::optional<std::int64_t>& sum, std::int64_t more) {
  sum = sum.value_or(0) + more;
}

Json as_json(int pid, const Sum& sum) {
  Json use;
  if (sum.percent) {
    constexpr std::int64_t k_all = 100;
    use = std::min(*sum.percent, k_all);
  }
  return {{"pid", pid},
          {"kind", sum.draws && !sum.computes ? "graphics" : "compute"},
          {"memory", or_null(sum.memory)},
          {"utilization", {{"gpu", std::move(use)}, {"memory", nullptr}}},
          {"gpu_instance", nullptr},
          {"compute_instance", nullptr}};
}

} // namespace

void AmdProcesses::look() {
  const auto now = now_ns();
  m_elapsed_ns = m_at_ns == 0 ? 0 : now - m_at_ns;
  m_at_ns = now;
  const auto before = std::exchange(m_busy_ns, {});
  m_uses.clear();
  bool hidden = false;
  std::error_code failed;
  fs::directory_iterator entries(m_proc, failed);
  const bool readable = !failed;
  for (; entries != fs::directory_iterator(); entries.increment(failed)) {
    const auto pid = parse_int(entries->path().filename().string());
    if (!pid || *pid <= 0) {
      continue;
    }
    auto found = drm_clients_of(m_proc, static_cast<int>(*pid));
    hidden = hidden || !found.readable || found.has_silent;
    for (auto& client : found.clients) {
      Use use{static_cast<int>(*pid), std::move(client), -1};
      const Key key{use.pid, use.client.pci, use.client.id.value_or(-1)};
      if (const auto old = before.find(key); old != before.end()) {
        use.busy_before_ns = old->second;
      }
      m_busy_ns[key] = busy_ns(use.client);
      m_uses.push_back(std::move(use));
    }
  }
  // That nobody is found means that nobody is there only where nothing was hidden from us.
  m_can_tell = readable && (!m_uses.empty() || !hidden);
}

Json AmdProcesses::of(const std::string& pci) const {
  if (!m_can_tell) {
    return nullptr;
  }
  constexpr std::int64_t k_percent = 100;
  std::map<int, Sum> sums;
  for (const auto& use : m_uses) {
    if (!is_same_pci(use.client.pci, pci)) {
      continue;
    }
    auto& sum = sums[use.pid];
    if (use.client.memory) {
      add(sum.memory, *use.client.memory);
    }
    const auto worked = busy_ns(use.client);
    if (use.busy_before_ns >= 0 && worked >= use.busy_before_ns && m_elapsed_ns >= k_percent) {
      add(sum.percent,
          std::min((worked - use.busy_before_ns) / (m_elapsed_ns / k_percent), k_percent));
    }
    sum.computes = sum.computes || use.client.compute_ns.value_or(0) > 0;
    sum.draws = sum.draws || use.client.graphics_ns.value_or(0) > 0;
  }
  auto out = Json::array();
  for (const auto& [pid, sum] : sums) {
    out.push_back(as_json(pid, sum));
  }
  return out;
}

} // namespace gpujob::gpu
