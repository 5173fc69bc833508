// SPDX-License-Identifier: Apache-2.0
#include "client/render/saving.h"

#include "client/instant.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/text.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace gpujob::client {

namespace {

/// "42 s", "4.2 s": of what has no more digits than that.
std::string rough(double seconds) {
  if (seconds >= 120) {
    return format_duration(std::chrono::duration_cast<Duration>(
        std::chrono::minutes(static_cast<std::int64_t>(std::min(seconds, 1e9) / 60))));
  }
  return seconds < 10 ? fmt::format("{:.1f} s", seconds) : fmt::format("{:.0f} s", seconds);
}

/// What is known of how often sessions die: the ground of the time between two saves.
std::string mortality(const SavingView& s) {
  const auto sessions = fmt::format("{} session{}", s.sessions, s.sessions == 1 ? "" : "s");
  if (s.bathtub) {
    return fmt::format("machines of this kind die young or near their end, as published{}",
                       s.sessions == 0 ? "" : " and as seen in " + sessions);
  }
  if (s.mean_between_deaths_s) {
    return fmt::format("one dies in about {} without a word, by {} before this",
                       rough(*s.mean_between_deaths_s), sessions);
  }
  return s.sessions == 0 ? "no session before this to learn from"
                         : fmt::format("none of {} before this died without a word", sessions);
}

std::string chance(double p) {
  return p < 0.0001 ? "under 0.01 %" : fmt::format("{:.2g} %", 100 * p);
}

/// On how many of them rests what is known of the storage.
std::string where_to(const SavingView& s) {
  if (s.storage.empty() || !s.storage_samples) {
    return {};
  }
  const auto storage = printable(s.storage);
  if (*s.storage_samples == s.samples) {
    return fmt::format(" to {}", storage);
  }
  return *s.storage_samples == 0
             ? fmt::format(", none of them to {}: its copies are estimated", storage)
             : fmt::format(", {} of them to {}", *s.storage_samples, storage);
}

/// What is known apart; empty: nothing is.
std::string parts_of(const SavingView& s) {
  std::string text;
  const auto add = [&](const std::optional<double>& seconds, std::string_view what) {
    if (seconds) {
      text += fmt::format("{}{} {}", text.empty() ? "about " : ", ", rough(*seconds), what);
    }
  };
  if (!s.verify_s && !s.rest_of_step_s) {
    return text;
  }
  add(s.rest_of_step_s, "until a step was over");
  add(s.save_s, "saving");
  add(s.verify_s, "checking it");
  add(s.copy_s, "copying");
  return text;
}

std::string before_end(const JobView& v, WallTime at) {
  return v.ends_at && at < *v.ends_at
             ? fmt::format(", {} before the end", format_duration(*v.ends_at - at))
             : std::string{};
}

} // namespace

std::vector<std::pair<std::string, std::string>> saving_lines(const JobView& v, WallTime now) {
  std::vector<std::pair<std::string, std::string>> lines;
  if (!v.saving) {
    return lines;
  }
  const auto& s = *v.saving;
  if (s.next_at) {
    auto text = fmt::format("{} ({})", format_local(*s.next_at), relative(*s.next_at, now));
    text += s.samples == 0 ? "; the first, to learn how long one takes"
            : s.period_s   ? fmt::format(", every {}; {}", rough(*s.period_s), mortality(s))
                           : "";
    lines.emplace_back("next save", std::move(text));
  }
  if (s.last_at) {
    lines.emplace_back("last save",
                       fmt::format("{}{}, chance to miss {}", format_local(*s.last_at),
                                   before_end(v, *s.last_at), chance(s.miss.value_or(0))));
  }
  if (s.median_s && s.samples > 0) {
    lines.emplace_back("a save takes",
                       fmt::format("about {}, under {} in 99 of 100, by {} save{}{}",
                                   rough(*s.median_s), rough(s.p99_s.value_or(*s.median_s)),
                                   s.samples, s.samples == 1 ? "" : "s", where_to(s)));
    if (auto parts = parts_of(s); !parts.empty()) {
      lines.emplace_back("of which", std::move(parts));
    }
  }
  return lines;
}

} // namespace gpujob::client
