// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/owners.h"

#include <chrono>
#include <exception>
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

void Owners::search(const GpuSnapshot& snapshot, Told told) {
  try {
    if (!m_pending.valid()) {
      m_asked = std::move(told);
      m_late = false;
      m_pending =
          std::async(std::launch::async, [this, copy = snapshot, at = m_asked.at]() mutable {
            m_search(copy, at);
            return std::move(copy);
          });
    }
    if (m_pending.wait_for(m_late ? Duration::zero() : m_patience) != std::future_status::ready) {
      m_late = true;
      return;
    }
    m_found = m_pending.get();
    m_told = m_asked;
  } catch (const std::exception&) {
    m_pending = {}; // no thread is to be had, or no memory: the next look tries again
  }
}

/// The drivers list the same processes, in the same order, as at the search.
void Owners::repeat(GpuSnapshot& snapshot) const {
  snapshot.first_namespace = m_found.first_namespace;
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
  const auto known = [&] { return m_told && m_told->text == told; };
  if (!known() || at - m_told->at >= k_again) {
    search(snapshot, {told, at});
  }
  if (!known()) {
    m_told.reset(); // others were there: who is listed like this again may be somebody else
    return false;
  }
  repeat(snapshot);
  return true;
}

} // namespace gpujob::gpu
