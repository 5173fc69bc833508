// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/told_end.h"

#include "common/duration.h"
#include "common/text.h"
#include "daemon/platform/choice.h"
#include "daemon/platform/values.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace gpujob::platform {

using namespace std::chrono_literals;

namespace {

constexpr Duration k_no_news = 5s;

std::optional<std::string> find_program(const std::string& name,
                                        const std::vector<std::string>& env) {
  constexpr std::string_view k_path = "PATH=";
  const auto path = std::ranges::find_if(env, [&](const auto& e) { return e.starts_with(k_path); });
  const auto dirs = path == env.end() ? std::vector<std::string>{}
                                      : split(std::string_view(*path).substr(k_path.size()), ':');
  for (const auto& dir : dirs) {
    const auto candidate = dir + "/" + name;
    if (dir.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return std::nullopt;
}

} // namespace

std::optional<EndQuestion> find_end_question(const Profile& profile, const std::string& key,
                                             const std::vector<std::string>& env) {
  if (profile.end_program.empty() || !parse_int(key)) {
    return std::nullopt;
  }
  auto exe = find_program(profile.end_program, env);
  return exe ? std::optional(EndQuestion{*exe, {"-h", "-j", key, "-o", "%L"}}) : std::nullopt;
}

Result<std::optional<Duration>> read_time_left(const std::string& text) {
  const std::string said(trim(text));
  if (said == "UNLIMITED" || said == "NOT_SET") {
    return std::optional<Duration>{};
  }
  const Error no_time{Errc::bad_data, fmt::format("time left: '{}': is not [days-][hours:]minutes:"
                                                  "seconds",
                                                  printable(said.substr(0, 60)))};
  const auto dash = said.find('-');
  std::vector<std::string> parts =
      split(dash == std::string::npos ? said : said.substr(dash + 1), ':');
  if (parts.size() < 2 || parts.size() > 3) {
    return no_time;
  }
  parts.insert(parts.begin(), dash == std::string::npos ? "0" : said.substr(0, dash));
  if (parts.size() == 3) {
    parts.insert(parts.begin() + 1, "0");
  }
  std::int64_t seconds = 0;
  constexpr std::int64_t k_units[] = {86400, 3600, 60, 1};
  constexpr std::int64_t k_most_days = 3650;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto n = parse_int(parts[i]);
    if (!n || *n < 0 || *n > k_most_days) {
      return no_time;
    }
    seconds += *n * k_units[i];
  }
  return std::optional<Duration>{std::chrono::seconds{seconds}};
}

bool take_told_end(SessionSettings& s, const Profile& profile, BootTime at,
                   const std::string& who) {
  const auto word = s.settings.find(key::k_limit.name);
  const bool worded = word != s.settings.end() && is_word(word->second.origin);
  const auto length = at - s.start.boot;
  const bool same = s.limit && std::chrono::abs(s.limit->value - length) <= k_no_news;
  if (worded || same || length <= Duration::zero() || length > k_longest_span) {
    return false;
  }
  s.limit = SessionLimit{length, {}, who + " says so", "", Confidence::high};
  s.margin = std::min(profile.margin.value_or(Duration::zero()), length / 10);
  SettingValue v;
  v.value = format_duration(length);
  v.origin = Origin::detected;
  s.settings[key::k_limit.name] = std::move(v);
  return true;
}

} // namespace gpujob::platform
