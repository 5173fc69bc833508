// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/profile.h"

#include <algorithm>

namespace gpujob::platform {

namespace {

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

} // namespace

bool LimitRule::applies(std::string_view variant, std::string_view plan) const {
  return (variants.empty() || contains(variants, variant)) && !contains(not_variants, variant) &&
         (plans.empty() || contains(plans, plan));
}

std::string_view to_text(Confidence c) {
  switch (c) {
  case Confidence::low:
    return "low";
  case Confidence::medium:
    return "medium";
  case Confidence::high:
    return "high";
  }
  return "low";
}

std::optional<Confidence> confidence_from_text(std::string_view s) {
  for (const auto c : {Confidence::low, Confidence::medium, Confidence::high}) {
    if (s == to_text(c)) {
      return c;
    }
  }
  return std::nullopt;
}

const Profile* find_profile(const std::vector<Profile>& profiles, std::string_view id) {
  const auto it =
      std::find_if(profiles.begin(), profiles.end(), [&](const Profile& p) { return p.id == id; });
  return it == profiles.end() ? nullptr : &*it;
}

const LimitRule* session_limit_of(const Profile& p, std::string_view variant,
                                  std::string_view plan) {
  const LimitRule* lowest = nullptr;
  const SessionCap* least = nullptr;
  for (const auto& rule : p.limits) {
    const auto* cap = std::get_if<SessionCap>(&rule.what);
    if (cap == nullptr || !rule.applies(variant, plan)) {
      continue;
    }
    if (least == nullptr || (cap->value && (!least->value || *cap->value < *least->value))) {
      lowest = &rule;
      least = cap;
    }
  }
  return lowest;
}

} // namespace gpujob::platform
