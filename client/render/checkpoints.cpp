// SPDX-License-Identifier: Apache-2.0
#include "client/render/checkpoints.h"

#include "client/render/job.h"
#include "client/render/table.h"
#include "common/clock.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::client {

namespace {

/// Day and time; the year and the zone are in --json.
std::string time_text(const CheckpointView& c) {
  constexpr std::size_t k_weekday = 4, k_to_seconds = 15;
  return c.at ? format_local(*c.at).substr(k_weekday, k_to_seconds) : "-";
}

std::string where(const CheckpointView& c) {
  if (!c.durable.empty()) {
    return c.durable;
  }
  return c.confirmed ? "this VM" : "-";
}

std::string state(const CheckpointView& c) {
  if (c.confirmed) {
    return "confirmed";
  }
  return c.state.empty() ? "unconfirmed" : c.state;
}

std::vector<std::string> row(const CheckpointView& c) {
  const auto bytes = std::max<std::int64_t>(c.bytes.value_or(0), 0);
  return {time_text(c),
          std::to_string(c.attempt),
          c.step ? std::to_string(*c.step) : "-",
          c.bytes ? format_bytes(static_cast<unsigned long long>(bytes)) : "-",
          c.how.empty() || c.how == "none" ? "-" : c.how,
          where(c),
          state(c)};
}

std::string note_lines(const std::string& note) {
  FactSheet sheet;
  sheet.add("   ", note);
  return sheet.wrapped();
}

} // namespace

std::string render_checkpoints(const JobView& view) {
  std::vector<std::vector<std::string>> rows{
      {"TIME", "ATTEMPT", "STEP", "SIZE", "TOLD BY", "WHERE", "STATE"}};
  for (const auto& c : view.checkpoints) {
    rows.push_back(row(c));
  }
  auto lines = split(render_table(rows), '\n');
  std::string out = lines.front() + "\n";
  for (std::size_t i = 0; i < view.checkpoints.size(); ++i) {
    out += lines[i + 1] + "\n";
    const auto far = storing_text(view.checkpoints[i]);
    out += far.empty() ? "" : note_lines("being stored: " + far);
    const auto& note = view.checkpoints[i].note;
    out += note.empty() ? "" : note_lines(note);
  }
  return out;
}

} // namespace gpujob::client
