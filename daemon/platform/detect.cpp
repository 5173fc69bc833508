// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/detect.h"

#include "common/text.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <iterator>

namespace gpujob::platform {

namespace {

/// How a condition holds: by nothing (it does not), by what only hints, by a path, by an
/// environment.
enum class Strength : std::uint8_t { none, hint, path, environment };

struct Verdict {
  Strength strength = Strength::none;
  std::vector<std::string> markers;

  [[nodiscard]] bool holds() const { return strength != Strength::none; }
};

Verdict check_variable(const Condition& c, const Facts& facts) {
  const bool any_value = c.kind == Condition::Kind::env;
  // The value itself stays out: it may be a secret.
  const auto shown = any_value ? c.name : c.name + "=" + c.value;
  const auto is_in = [&](const std::map<std::string, std::string>& env) {
    const auto it = env.find(c.name);
    return it != env.end() && (any_value || it->second == c.value);
  };
  if (is_in(facts.env)) {
    return {Strength::environment, {fmt::format("{} in the environment", shown)}};
  }
  if (facts.pid1_env && is_in(*facts.pid1_env)) {
    return {Strength::environment, {fmt::format("{} in PID 1's environment", shown)}};
  }
  if (is_in(facts.kernel_env)) {
    return {Strength::environment, {fmt::format("{} in a notebook kernel's environment", shown)}};
  }
  return {};
}

Verdict check(const Condition& c, const Facts& facts);

Verdict check_group(const Condition& c, const Facts& facts) {
  const bool all = c.kind == Condition::Kind::all;
  Verdict out;
  out.strength = all && !c.parts.empty() ? Strength::environment : Strength::none;
  for (const auto& part : c.parts) {
    auto v = check(part, facts);
    // A chain of conditions is as strong as its weakest, a choice as its strongest.
    out.strength = all ? std::min(out.strength, v.strength) : std::max(out.strength, v.strength);
    std::move(v.markers.begin(), v.markers.end(), std::back_inserter(out.markers));
  }
  return out.holds() ? out : Verdict{};
}

Verdict check(const Condition& c, const Facts& facts) {
  switch (c.kind) {
  case Condition::Kind::env:
  case Condition::Kind::env_equals:
    return check_variable(c, facts);
  case Condition::Kind::dir:
    return facts.dirs.contains(c.name) ? Verdict{Strength::path, {"directory " + c.name}}
                                       : Verdict{};
  case Condition::Kind::file:
    return facts.files.contains(c.name) ? Verdict{Strength::path, {"file " + c.name}} : Verdict{};
  case Condition::Kind::json_key:
    return facts.json_keys.contains({c.name, c.value})
               ? Verdict{Strength::path, {fmt::format("{} in {}", c.value, c.name)}}
               : Verdict{};
  case Condition::Kind::any:
  case Condition::Kind::all:
    return check_group(c, facts);
  }
  return {};
}

/// What rules the platform out, empty when nothing does.
std::vector<std::string> vetoes(const Detect& detect, const Facts& facts) {
  std::vector<std::string> out;
  for (const auto& c : detect.none) {
    auto v = check(c, facts);
    std::move(v.markers.begin(), v.markers.end(), std::back_inserter(out));
  }
  return out;
}

std::string find_variant(const Profile& p, const Facts& facts) {
  const auto it = std::find_if(p.variants.begin(), p.variants.end(),
                               [&](const Variant& v) { return check(v.when, facts).holds(); });
  return it == p.variants.end() ? std::string{} : it->id;
}

struct Candidate {
  const Profile* profile = nullptr;
  Verdict verdict;
};

Detection make_detection(const Profile& p, const Facts& facts) {
  Detection d;
  d.platform = p.id;
  d.variant = find_variant(p, facts);
  return d;
}

Confidence believed(const Candidate& c) {
  switch (c.verdict.strength) {
  case Strength::none:
  case Strength::hint:
    return Confidence::low;
  case Strength::path:
    return Confidence::medium;
  case Strength::environment:
    return Confidence::high;
  }
  return Confidence::low;
}

Detection fall_back(const std::vector<Profile>& profiles, const Facts& facts) {
  const auto it = std::find_if(profiles.begin(), profiles.end(),
                               [](const Profile& p) { return !p.detect.has_value(); });
  auto d = it == profiles.end() ? Detection{} : make_detection(*it, facts);
  d.evidence.emplace_back("no known platform's marker was found");
  // A container may well be a platform's that we do not know.
  d.confidence = facts.in_container() ? Confidence::low : Confidence::medium;
  return d;
}

} // namespace

Detection detect_platform(const std::vector<Profile>& profiles, const Facts& facts) {
  std::vector<Candidate> candidates;
  std::vector<std::string> conflicts;
  for (const auto& p : profiles) {
    auto verdict = p.detect ? check(p.detect->when, facts) : Verdict{};
    if (!verdict.holds()) {
      continue;
    }
    if (const auto against = vetoes(*p.detect, facts); !against.empty()) {
      conflicts.push_back(fmt::format("{}: {}, but not with {}", p.id,
                                      fmt::join(verdict.markers, ", "), fmt::join(against, ", ")));
      continue;
    }
    if (!p.confirm.empty()) {
      conflicts.push_back(
          fmt::format("{}: {}: {}", p.id, fmt::join(verdict.markers, ", "), p.confirm));
      continue;
    }
    if (p.detect->hint) {
      verdict.strength = Strength::hint;
    }
    candidates.push_back({&p, std::move(verdict)});
  }
  // Stable: profiles come by priority.
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return a.verdict.strength > b.verdict.strength;
  });
  if (candidates.empty()) {
    auto d = fall_back(profiles, facts);
    d.conflicts = std::move(conflicts);
    return d;
  }
  const auto& best = candidates.front();
  auto d = make_detection(*best.profile, facts);
  d.evidence = best.verdict.markers;
  d.confidence = believed(best);
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    const auto& other = candidates[i];
    if (other.verdict.strength == Strength::hint) {
      continue; // it contradicts nothing
    }
    conflicts.push_back(
        fmt::format("{}: {}", other.profile->id, fmt::join(other.verdict.markers, ", ")));
    if (other.verdict.strength == best.verdict.strength) {
      d.confidence = std::min(d.confidence, Confidence::medium);
    }
  }
  d.conflicts = std::move(conflicts);
  return d;
}

Result<Detection> override_platform(const std::vector<Profile>& profiles, const Facts& facts,
                                    const std::string& id, const std::string& what) {
  const auto* profile = find_profile(profiles, id);
  if (profile == nullptr) {
    std::vector<std::string> known;
    for (const auto& p : profiles) {
      known.push_back(p.id);
    }
    std::sort(known.begin(), known.end());
    return Error{Errc::usage, fmt::format("{}: '{}': no such platform: use one of {}", what,
                                          printable(id), fmt::join(known, ", "))};
  }
  auto d = make_detection(*profile, facts);
  d.evidence.push_back(fmt::format("{} says so", what));
  d.confidence = Confidence::high;
  const auto found = detect_platform(profiles, facts);
  const auto* found_profile = find_profile(profiles, found.platform);
  if (found.platform != id && found_profile != nullptr && found_profile->detect) {
    d.conflicts.push_back(fmt::format("{}: {}", found.platform, fmt::join(found.evidence, ", ")));
  }
  return d;
}

} // namespace gpujob::platform
