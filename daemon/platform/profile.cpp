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

bool applies(const LimitRule& rule, std::string_view variant, std::string_view plan) {
  return (rule.variants.empty() || contains(rule.variants, variant)) &&
         !contains(rule.not_variants, variant) &&
         (rule.plans.empty() || contains(rule.plans, plan));
}

} // namespace

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
  for (const auto& rule : p.session_limits) {
    if (!applies(rule, variant, plan)) {
      continue;
    }
    if (lowest == nullptr || (rule.value && (!lowest->value || *rule.value < *lowest->value))) {
      lowest = &rule;
    }
  }
  return lowest;
}

} // namespace gpujob::platform
