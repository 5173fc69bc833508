// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/owners.h"

#include <chrono>
#include <utility>

namespace gpujob::gpu {

namespace {

constexpr Duration k_again = std::chrono::seconds{10};
/// Where nobody is listed, so much memory more or less is somebody.
constexpr std::int64_t k_some_memory = 256LL << 20U;

/// What a new process changes. What one that is known uses does not count: that trembles.
std::string told_by(const GpuSnapshot& snapshot) {
  std::string out;
  for (const auto& gpu : snapshot.gpus) {
    out += gpu.uuid + ' ' + gpu.state + (gpu.processes ? " :" : " ?");
    for (const auto& p : gpu.processes.value_or(std::vector<GpuProcess>{})) {
      out += ' ' + std::to_string(p.pid);
    }
    if (!gpu.processes || gpu.processes->empty()) {
      out += ' ' + std::to_string(gpu.memory_used.value_or(0) / k_some_memory);
    }
    out += '\n';
  }
  return out;
}

} // namespace

bool Owners::search(GpuSnapshot& snapshot, BootTime at) {
  if (m_pending.valid()) {
    if (m_pending.wait_for(Duration::zero()) != std::future_status::ready) {
      return false;
    }
    m_pending = {}; // what it found was then
  }
  m_pending = std::async(std::launch::async, [this, snapshot, at]() mutable {
    m_search(snapshot, at);
    return std::move(snapshot);
  });
  if (m_pending.wait_for(m_patience) != std::future_status::ready) {
    return false;
  }
  snapshot = m_pending.get();
  return true;
}

/// The drivers list the same processes, in the same order, as at the search.
void Owners::repeat(GpuSnapshot& snapshot) const {
  for (std::size_t g = 0; g < snapshot.gpus.size() && g < m_found.gpus.size(); ++g) {
    const auto& found = m_found.gpus[g].processes;
    if (!found) {
      continue;
    }
    auto& processes = snapshot.gpus[g].processes;
    const auto listed = std::exchange(processes, found);
    for (std::size_t i = 0; listed && i < listed->size() && i < processes->size(); ++i) {
      auto owner = std::move((*processes)[i].owner);
      (*processes)[i] = (*listed)[i]; // what it uses is news
      (*processes)[i].owner = std::move(owner);
    }
  }
}

bool Owners::find(GpuSnapshot& snapshot, BootTime at) {
  auto told = told_by(snapshot);
  if (told == m_told && at - m_searched < k_again) {
    repeat(snapshot);
    return true;
  }
  if (!search(snapshot, at)) {
    m_told.reset();
    return false;
  }
  m_told = std::move(told);
  m_searched = at;
  m_found = snapshot;
  return true;
}

} // namespace gpujob::gpu
