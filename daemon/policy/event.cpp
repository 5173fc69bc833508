// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/event.h"

#include "common/overloaded.h"

namespace gpujob::policy {

bool overtakes(const Event& newer, const Event& waiting) {
  if (newer.index() != waiting.index()) {
    return false;
  }
  return std::visit(
      Overloaded{
          [](const GpusSeen&) { return true; },
          [](const IdleExpected&) { return true; },
          [](const EndMoved&) { return true; },
          [](const DeathsSeen&) { return true; },
          [](const Tick&) { return true; },
          [&](const ProgressSeen& e) { return e.id == std::get<ProgressSeen>(waiting).id; },
          [](const auto&) { return false; },
      },
      newer);
}

} // namespace gpujob::policy
