// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/report/gathered.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What a report says, whatever it is written as. Pure: it knows no clock but `Gathered::now`.
namespace gpujob::client {

enum class MarkKind : std::uint8_t { save, warning };

/// Saves that would lie on each other are one mark.
struct Mark {
  MarkKind kind = MarkKind::save;
  WallTime at{};
  int count = 1;
  std::string text; ///< of the newest
};

/// An attempt on the time line.
struct Run {
  AttemptView attempt;
  WallTime kept_until{}; ///< so far its work is safe
  WallTime until{};      ///< so far it is drawn: to its end, or to the last that is known of it
  bool end_known = false;
};

struct JobRow {
  std::string id, name, state;
  std::int64_t attempts = 0, saves = 0;
  double ran_s = 0, kept_s = 0, lost_s = 0, open_s = 0;
  std::int64_t unknown = 0; ///< attempts of which nobody knows what they lost
  std::optional<WallTime> saved_at;
  std::vector<Run> runs;   ///< by start
  std::vector<Mark> marks; ///< by instant
};

struct Loss {
  std::string why;
  double seconds = 0;
  std::int64_t times = 0;
};

struct Goodput {
  double kept_s = 0, lost_s = 0;
  double open_s = 0;        ///< run since the last save: neither yet
  std::int64_t unknown = 0; ///< attempts that ended unseen
  std::vector<Loss> losses; ///< the longest first

  /// Of the work that is decided; nullopt: none is.
  [[nodiscard]] std::optional<double> share() const {
    const double all = kept_s + lost_s;
    return all > 0 ? std::optional(kept_s / all) : std::nullopt;
  }
};

struct DayUse {
  WallTime day{}; ///< its first instant, local time
  double seconds = 0;
};

struct ResourceUse {
  std::string resource;
  std::vector<DayUse> days;      ///< every day of the span, oldest first
  std::vector<LimitView> limits; ///< those that count it in time
};

struct GpuRow {
  std::string uuid, name;
  std::optional<double> memory_total;
  /// One for each bucket of the window; nullopt: nobody looked.
  std::vector<std::optional<double>> use, memory; ///< percent
  std::optional<double> mean_use, mean_memory, most_memory, idle_share, hottest_c;
};

struct Report {
  ReportScope scope;
  WallTime made_at{}, from{}, until{}; ///< `until` may lie ahead, where the end does
  std::string session_id;
  SessionView session;
  bool of_this_session = false; ///< else its limits and its end are of no interest
  std::vector<JobRow> jobs;     ///< those that ran first, first
  Goodput goodput;
  std::vector<EventView> events;                         ///< by instant
  std::vector<std::pair<WallTime, std::string>> notices; ///< of the session
  std::vector<WallTime> sessions;                        ///< that began in the window
  std::vector<ResourceUse> uses;
  std::vector<GpuRow> gpus;
  std::string gpu_note;
  std::int64_t saves = 0, warnings = 0;
};

Report make_report(const Gathered& gathered);

/// So many GPU points are drawn: more than pixels tell nothing.
constexpr std::size_t k_buckets = 480;

} // namespace gpujob::client
