// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/usage.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace gpujob::limits {

void Usage::add(const Use& use) {
  auto [begin, end] = use.when;
  if (begin >= end) {
    return;
  }
  auto& uses = m_uses[{use.machine, use.resource}];
  auto it = uses.upper_bound(begin);
  if (it != uses.begin() && std::prev(it)->second >= begin) {
    --it;
  }
  while (it != uses.end() && it->first <= end) {
    begin = std::min(begin, it->first);
    end = std::max(end, it->second);
    it = uses.erase(it);
  }
  uses[begin] = end;
}

void Usage::add(const Usage& other) {
  for (const auto& [key, uses] : other.m_uses) {
    for (const auto& [begin, end] : uses) {
      add({key.machine, key.resource, {begin, end}});
    }
  }
}

std::vector<Use> Usage::of(const std::string& resource) const {
  std::vector<Use> out;
  for (const auto& [key, uses] : m_uses) {
    if (key.resource == resource) {
      for (const auto& [begin, end] : uses) {
        out.push_back({key.machine, key.resource, {begin, end}});
      }
    }
  }
  std::sort(out.begin(), out.end(), [](const Use& a, const Use& b) {
    return std::tie(a.when.begin, a.when.end, a.machine) <
           std::tie(b.when.begin, b.when.end, b.machine);
  });
  return out;
}

Usage Usage::as(const std::string& resource) const {
  Usage out;
  for (const auto& [key, uses] : m_uses) {
    for (const auto& [begin, end] : uses) {
      out.add({key.machine, resource, {begin, end}});
    }
  }
  return out;
}

Duration Usage::within(const std::string& resource, const Span& span) const {
  Duration sum{};
  for (const auto& use : of(resource)) {
    const auto part = overlap(use.when, span);
    sum += part.end - part.begin;
  }
  return sum;
}

} // namespace gpujob::limits
