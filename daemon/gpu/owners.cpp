// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/owners.h"

#include <chrono>
#include <utility>

namespace gpujob::gpu {

namespace {

constexpr Duration k_again = std::chrono::seconds{10};
/// Less than this is no new process.
constexpr std::int64_t k_some_memory = 16LL << 20U;

std::string in_steps(const std::optional<std::int64_t>& bytes) {
  return bytes ? std::to_string(*bytes / k_some_memory) : "?";
}

/// All that who is meant may depend on.
std::string told_by(const Look& look) {
  std::string out;
  for (const auto& [key, view, jobs, others, idle] : look.devices) {
    out += key + ' ' + view.state + ' ' + in_steps(view.memory_used);
    out += view.processes ? " :" : " ?";
    for (const auto& p : view.processes.value_or(std::vector<GpuProcess>{})) {
      out += ' ' + std::to_string(p.pid) + '=' + in_steps(p.memory);
    }
    out += '\n';
  }
  return out;
}

} // namespace

Owners::Owners(const std::string& devices)
    : m_attribution(devices.empty() ? GpuAttribution() : GpuAttribution(devices)) {}

void Owners::attribute(Look& look) {
  GpuSnapshot snapshot;
  for (auto& device : look.devices) {
    snapshot.gpus.push_back(std::move(device.view));
  }
  m_attribution.find_owners(snapshot, look.at.boot);
  m_found.clear();
  for (std::size_t i = 0; i < look.devices.size(); ++i) {
    auto& device = look.devices[i];
    device.view = std::move(snapshot.gpus[i]);
    if (device.view.processes) {
      m_found[device.key] = *device.view.processes;
    }
  }
}

/// The drivers tell the same, in the same order, as at the search.
void Owners::repeat(Look& look) const {
  for (auto& device : look.devices) {
    const auto found = m_found.find(device.key);
    if (found == m_found.end()) {
      continue;
    }
    auto listed = std::exchange(device.view.processes, found->second);
    for (std::size_t i = 0; listed && i < listed->size(); ++i) {
      auto& p = (*device.view.processes)[i];
      auto owner = std::move(p.owner);
      p = std::move((*listed)[i]); // what it uses is news
      p.owner = std::move(owner);
    }
  }
}

void Owners::find(Look& look, const IsOurs& is_ours) {
  auto told = told_by(look);
  if (told != m_told || look.at.boot - m_searched >= k_again) {
    attribute(look);
    m_told = std::move(told);
    m_searched = look.at.boot;
  } else {
    repeat(look);
  }
  for (auto& device : look.devices) {
    if (!device.view.processes) {
      continue;
    }
    for (auto& process : *device.view.processes) {
      if (!process.owner.job_id.empty() && !is_ours(process.owner.job_id)) {
        process.owner.job_id.clear();
      }
    }
  }
  count_owners(look);
}

} // namespace gpujob::gpu
