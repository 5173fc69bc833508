// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/profile.h"

#include "schema/embedded.h"

#include <algorithm>
#include <fmt/format.h>

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

Result<std::vector<Profile>> load_profiles() {
  std::vector<Profile> profiles;
  for (const auto& file : schema::platforms()) {
    auto profile = parse_profile(file.content, file.name);
    if (!profile) {
      return profile.error();
    }
    if (file.name != profile->id + ".json") {
      return Error{Errc::bad_data, fmt::format("profile {}: id: is '{}': name the file after it",
                                               file.name, profile->id)};
    }
    profiles.push_back(std::move(*profile));
  }
  std::stable_sort(profiles.begin(), profiles.end(),
                   [](const Profile& a, const Profile& b) { return a.priority < b.priority; });
  const auto is_fallback = [](const Profile& p) { return !p.detect.has_value(); };
  if (std::count_if(profiles.begin(), profiles.end(), is_fallback) != 1) {
    return Error{Errc::bad_data, "profiles: detect: exactly one of them must have none"};
  }
  return profiles;
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
