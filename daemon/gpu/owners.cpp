// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/owners.h"

#include <chrono>
#include <utility>

namespace gpujob::gpu {

namespace {

constexpr Duration k_again = std::chrono::seconds{10};
/// Where nobody is listed, so much memory more or less is somebody.
constexpr std::int64_t k_some_memory = 256LL << 20U;

/// What a new process changes. What one that is known uses does not count: that trembles.
std::string told_by(const Look& look) {
  std::string out;
  for (const auto& device : look.devices) {
    const auto& view = device.view;
    out += device.key + ' ' + view.state + (view.processes ? " :" : " ?");
    for (const auto& p : view.processes.value_or(std::vector<GpuProcess>{})) {
      out += ' ' + std::to_string(p.pid);
    }
    if (!view.processes || view.processes->empty()) {
      out += ' ' + std::to_string(view.memory_used.value_or(0) / k_some_memory);
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
    look.devices[i].view = std::move(snapshot.gpus[i]);
    m_found.push_back(look.devices[i].view.processes);
  }
}

/// The drivers list the same processes, in the same order, as at the search.
void Owners::repeat(Look& look) const {
  for (std::size_t d = 0; d < look.devices.size() && d < m_found.size(); ++d) {
    if (!m_found[d]) {
      continue;
    }
    auto& processes = look.devices[d].view.processes;
    auto listed = std::exchange(processes, m_found[d]);
    for (std::size_t i = 0; listed && i < listed->size() && i < processes->size(); ++i) {
      auto owner = std::move((*processes)[i].owner);
      (*processes)[i] = std::move((*listed)[i]); // what it uses is news
      (*processes)[i].owner = std::move(owner);
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
