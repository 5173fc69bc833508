// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/event.h"

#include "common/overloaded.h"

#include <algorithm>
#include <utility>

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

void wait_in_line(std::vector<Event>& waiting, Event event) {
  const auto old = [&](const Event& e) { return overtakes(event, e); };
  const auto first = std::ranges::find_if(waiting, old);
  if (first == waiting.end()) {
    waiting.push_back(std::move(event));
    return;
  }
  waiting.erase(std::remove_if(first + 1, waiting.end(), old), waiting.end());
  *first = std::move(event);
}

} // namespace gpujob::policy
