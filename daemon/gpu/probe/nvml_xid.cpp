// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/nvml_xid.h"

#include <nlohmann/json.hpp>

namespace gpujob::gpu::nvml {

namespace {

/// A GPU that reports without end must not keep us: the rest is taken at the next look.
constexpr int k_most_at_once = 64;

} // namespace

void XidWatch::watch(const Library& n, unsigned index, Device device) {
  if (n.event_set_create == nullptr || n.register_events == nullptr || n.event_wait == nullptr) {
    return;
  }
  if (!m_tried) {
    m_tried = true;
    if (n.event_set_create(&m_set) != k_success) {
      m_set = nullptr;
    }
  }
  auto& watched = m_devices[index];
  if (m_set == nullptr || watched.device == device) {
    return;
  }
  watched = {device, n.register_events(device, k_xid_event, m_set) == k_success, 0, 0};
}

void XidWatch::take(const Library& n) {
  // Where nobody could be registered some drivers wait for ever.
  bool any = false;
  for (const auto& [index, watched] : m_devices) {
    any = any || watched.told;
  }
  for (int i = 0; any && i < k_most_at_once; ++i) {
    EventData event{};
    if (n.event_wait(m_set, &event, 0) != k_success) {
      return; // timed out: there is none
    }
    for (auto& [index, watched] : m_devices) {
      if (watched.device == event.device && event.type == k_xid_event) {
        watched.last = event.data;
        ++watched.count;
      }
    }
  }
}

nlohmann::json XidWatch::seen(unsigned index) const {
  const auto found = m_devices.find(index);
  if (found == m_devices.end() || !found->second.told) {
    return nullptr;
  }
  const auto& watched = found->second;
  return {{"last", watched.count == 0 ? nlohmann::json() : nlohmann::json(watched.last)},
          {"count", watched.count}};
}

void XidWatch::clear() {
  m_set = nullptr;
  m_tried = false;
  m_devices.clear();
}

} // namespace gpujob::gpu::nvml
