// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/xid_totals.h"

#include <algorithm>

namespace gpujob::gpu {

void XidTotals::carry(Look& look) {
  for (auto& device : look.devices) {
    auto& view = device.view;
    if (!view.xid_count && !m_seen.contains(device.key)) {
      continue; // not told, and never was
    }
    auto& seen = m_seen[device.key];
    const auto now = std::max<std::int64_t>(0, view.xid_count.value_or(0));
    // Fewer than before: another probe, which has begun to count anew.
    seen.total += now >= seen.by_probe ? now - seen.by_probe : now;
    seen.by_probe = now;
    seen.last = view.last_xid ? view.last_xid : seen.last;
    view.xid_count = seen.total;
    view.last_xid = seen.last;
  }
}

} // namespace gpujob::gpu
