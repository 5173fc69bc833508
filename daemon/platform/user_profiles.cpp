// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/user_profiles.h"

#include "common/duration.h"
#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/platform/choice.h"
#include "schema/embedded.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace gpujob::platform {

namespace {

using json::Json;

constexpr std::size_t k_max_file = 256U << 10U;

/// What tells limits of one type apart.
constexpr std::array k_identity{"resource", "unit",     "currency",     "path",
                                "scope",    "variants", "not_variants", "plans"};

bool overrides(const Json& user, const Json& builtin) {
  const auto differ = [&](const char* key) {
    return user.contains(key) && user[key] != builtin.value(key, Json());
  };
  return user.value("type", Json()) == builtin.value("type", Json()) &&
         std::ranges::none_of(k_identity, differ);
}

void lay_over(Json& limit, const Json& user) {
  for (const auto& [key, value] : user.items()) {
    limit[key] = value;
  }
}

/// Its own word outweighs anything: that is what it was written for.
Json with_source(Json limit, const std::string& path, const std::string& as_of) {
  const Json source{{"source", path}, {"as_of", as_of}, {"confidence", "high"}};
  for (const auto& [key, value] : source.items()) {
    if (!limit.contains(key)) {
      limit[key] = value;
    }
  }
  return limit;
}

/// When the file was written; one that is not there yet is written today.
std::string date_of(const std::string& path) {
  struct stat st {};
  const std::time_t when = ::stat(path.c_str(), &st) == 0 ? st.st_mtime : std::time(nullptr);
  std::tm tm{};
  ::gmtime_r(&when, &tm);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &tm);
  return text;
}

/// The file's object; a null one when there is no file.
Result<Json> read_user(const std::string& path) {
  const auto text = read_file(path, k_max_file);
  if (!text) {
    return text.error().code == Errc::not_found ? Result<Json>(Json()) : text.error();
  }
  auto j = json::parse(*text, path);
  if (j && !j->is_object()) {
    return Error{Errc::bad_data, path + ": is not a JSON object"};
  }
  return j;
}

Result<Profile> load_one(std::string_view builtin, const std::string& name,
                         const std::string& user_dir) {
  const auto path = user_dir + "/" + name;
  const auto user = user_dir.empty() ? Result<Json>(Json()) : read_user(path);
  if (!user) {
    return user.error();
  }
  if (user->is_null()) {
    return parse_profile(builtin, name);
  }
  auto whole = json::parse(builtin.empty() ? "{}" : builtin, name);
  if (!whole) {
    return whole.error();
  }
  const auto merged = merge_profile(std::move(*whole), *user, path, date_of(path));
  return merged ? parse_profile(json::dump(*merged), path) : merged.error();
}

/// Of the user's files those that no built-in profile has.
std::vector<std::string> own_names(const std::string& user_dir) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(user_dir, ignored)) {
    const auto name = entry.path().filename().string();
    const bool builtin =
        std::ranges::any_of(schema::platforms(), [&](const auto& f) { return f.name == name; });
    if (name.ends_with(".json") && !builtin) {
      names.push_back(name);
    }
  }
  std::ranges::sort(names);
  return names;
}

} // namespace

std::string user_profile_dir(const std::string& config_path) {
  return config_path.empty()
             ? ""
             : std::filesystem::path(config_path).parent_path().string() + "/platforms";
}

Result<Json> merge_profile(Json builtin, const Json& user, const std::string& path,
                           const std::string& as_of) {
  for (const auto& [key, value] : user.items()) {
    if (key != "limits") {
      builtin[key] = value;
    }
  }
  const auto limits = user.value("limits", Json::array());
  if (!limits.is_array()) {
    return Error{Errc::bad_data, path + ": limits: is not a list"};
  }
  auto& mine = builtin["limits"];
  mine = mine.is_array() ? mine : Json::array();
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!limits[i].is_object() || !limits[i].value("type", Json()).is_string()) {
      return Error{Errc::bad_data, fmt::format("{}: limits[{}]: has no type", path, i)};
    }
    const auto said = with_source(limits[i], path, as_of);
    bool found = false;
    for (auto& limit : mine) {
      if (overrides(limits[i], limit)) {
        lay_over(limit, said);
        found = true;
      }
    }
    if (!found) {
      mine.push_back(said);
    }
  }
  return builtin;
}

Result<std::vector<Profile>> load_profiles(const std::string& user_dir,
                                           std::map<std::string, std::string>* problems) {
  std::vector<Profile> profiles;
  const auto add = [&](std::string_view builtin, const std::string& name) -> Result<void> {
    auto profile = load_one(builtin, name, user_dir);
    if (!profile && problems != nullptr) {
      (*problems)[name.substr(0, name.size() - 5)] = profile.error().text;
      if (builtin.empty()) {
        return {};
      }
      profile = parse_profile(builtin, name);
    }
    if (!profile) {
      return profile.error();
    }
    if (name != profile->id + ".json") {
      return Error{Errc::bad_data, fmt::format("profile {}: id: is '{}': name the file after it",
                                               name, printable(profile->id))};
    }
    profiles.push_back(std::move(*profile));
    return {};
  };
  for (const auto& file : schema::platforms()) {
    GPUJOB_TRY(add(file.content, std::string(file.name)));
  }
  for (const auto& name : user_dir.empty() ? std::vector<std::string>{} : own_names(user_dir)) {
    GPUJOB_TRY(add("", name));
  }
  std::ranges::stable_sort(profiles, {}, &Profile::priority);
  const auto is_fallback = [](const Profile& p) { return !p.detect.has_value(); };
  if (std::ranges::count_if(profiles, is_fallback) != 1) {
    return Error{Errc::bad_data, "profiles: detect: exactly one of them must have none"};
  }
  return profiles;
}

Result<Profile> set_user_values(const std::string& dir, const Profile& profile,
                                const std::map<std::string, std::string>& values) {
  const auto name = profile.id + ".json";
  const auto path = dir + "/" + name;
  auto user = read_user(path);
  if (!user) {
    return user.error();
  }
  auto changed = with_values(std::move(*user), profile, values);
  if (!changed) {
    return changed.error();
  }
  std::string_view builtin = "{}";
  for (const auto& file : schema::platforms()) {
    builtin = file.name == name ? file.content : builtin;
  }
  auto whole = json::parse(builtin, name);
  auto merged = whole ? merge_profile(std::move(*whole), *changed, path, date_of(path))
                      : Result<Json>(whole.error());
  auto parsed = merged ? parse_profile(json::dump(*merged), path) : Result<Profile>(merged.error());
  if (!parsed) {
    return parsed;
  }
  std::error_code failed;
  std::filesystem::create_directories(dir, failed);
  GPUJOB_TRY(atomic_replace(path, changed->dump(2) + "\n"));
  return parsed;
}

void follow_profile(SessionSettings& s, const Profile& profile, Now now) {
  const auto profiles_word = [&](const SettingKey& key) {
    const auto it = s.settings.find(key.name);
    return it == s.settings.end() ||
           (!is_word(it->second.origin) && it->second.origin != Origin::detected);
  };
  if (profiles_word(key::k_plan) && !profile.default_plan.empty()) {
    s.plan = profile.default_plan;
    s.settings[key::k_plan.name].value = s.plan;
  }
  if (!profiles_word(key::k_limit)) {
    s.margin = s.limit ? std::min(profile.margin.value_or(Duration::zero()), s.limit->value / 10)
                       : Duration::zero();
    return;
  }
  const auto* rule = session_limit_of(profile, s.variant, s.plan);
  const auto* cap = rule == nullptr ? nullptr : std::get_if<SessionCap>(&rule->what);
  s.limit.reset();
  s.margin = Duration::zero();
  if (cap != nullptr && cap->value) {
    s.limit = SessionLimit{*cap->value,
                           cap->alternatives,
                           rule->source,
                           rule->as_of,
                           rule->confidence,
                           cap->spread,
                           cap->bathtub ? cap->value : std::nullopt};
    s.margin = std::min(profile.margin.value_or(Duration::zero()), *cap->value / 10);
  }
  const auto start = s.settings.find(key::k_start.name);
  const bool derived = start == s.settings.end() || !is_word(start->second.origin);
  if (s.limit && derived && now.boot - s.start.boot > s.limit->value) {
    const bool fits = now.boot - s.daemon_start <= s.limit->value;
    s.start.boot = fits ? s.daemon_start : now.boot;
    s.start.wall = now.wall_at(s.start.boot);
    s.start.source = "daemon";
    s.start.confidence = Confidence::low;
    s.start.evidence = {"what was found before is longer ago than the limit that you set"};
  }
  auto& said = s.settings[key::k_limit.name];
  said.value = s.limit ? std::optional(format_duration(s.limit->value)) : std::nullopt;
  said.origin = Origin::profile;
  said.detail = rule == nullptr ? profile.id : rule->source;
}

} // namespace gpujob::platform
