// SPDX-License-Identifier: Apache-2.0
#include "client/render/session.h"

#include "client/instant.h"
#include "client/render/limits.h"
#include "client/render/table.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gpujob::client {

namespace {

std::string seconds_text(const std::optional<double>& seconds, const char* unknown) {
  return seconds ? format_seconds(*seconds) : std::string(unknown);
}

std::string with_confidence(std::string text, const std::string& confidence) {
  return confidence.empty() ? text : fmt::format("{} (confidence: {})", text, confidence);
}

std::string platform_text(const SessionView& v) {
  auto text = v.platform;
  if (!v.variant.empty()) {
    text += ", " + v.variant;
  }
  if (!v.plan.empty()) {
    text += ", plan " + v.plan;
  }
  return with_confidence(std::move(text), v.confidence);
}

std::string limit_text(const SessionView& v) {
  if (!v.limit_s) {
    return v.ends_at ? "unknown"
                     : "unknown: nothing is asked to save in time: gpujob limits set session=9h";
  }
  return with_confidence(format_seconds(*v.limit_s), v.limit_confidence);
}

/// "" where it is the session's own limit.
std::string ended_by(const std::string& by) {
  if (by == "notice") {
    return ": the platform gave notice";
  }
  return by.empty() || by == "session_limit"
             ? ""
             : fmt::format(" by {}, before its own limit", by == "quota" ? "a quota" : by);
}

std::string end_text(const SessionView& v, WallTime now) {
  if (!v.ends_at) {
    return "unknown";
  }
  auto text = fmt::format("{} ({}){}", format_local(*v.ends_at), relative(*v.ends_at, now),
                          ended_by(v.ends_by));
  if (*v.ends_at < now) {
    return text + "; if that is wrong: gpujob limits set session=12h";
  }
  if (v.margin_s && *v.margin_s > 0) {
    text +=
        fmt::format("; everything is planned to be safe {} before", format_seconds(*v.margin_s));
  }
  return text;
}

std::string durable_text(const SessionView& v) {
  if (v.durable_path.empty()) {
    return "none: checkpoints are gone with this VM; give --durable DIR to gpujob daemon start";
  }
  auto text = v.durable_path;
  if (!v.durable_level.empty()) {
    text += ", what is copied there counts as " + v.durable_level;
  }
  return v.durable_state.empty() ? text : fmt::format("{} ({})", text, v.durable_state);
}

/// Its state begins with its level, or says why it has none.
bool is_durable(const SessionView& v) {
  return v.durable_state.starts_with("stored") || v.durable_state.starts_with("cached");
}

void add_list(FactSheet& sheet, const std::string& label, const std::vector<std::string>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    sheet.add(i == 0 ? label : "", items[i]);
  }
}

} // namespace

std::string render_session(const SessionView& v, WallTime now) {
  FactSheet sheet;
  sheet.add("platform", platform_text(v));
  sheet.add("elapsed", seconds_text(v.elapsed_s, "unknown"));
  sheet.add("remaining", seconds_text(v.remaining_s, "unknown"));
  sheet.add("ends", end_text(v, now));
  sheet.add("limit", limit_text(v));
  if (v.started_at) {
    auto text = format_local(*v.started_at);
    if (!v.start_source.empty()) {
      text += ": " + v.start_source;
    }
    sheet.add("started", with_confidence(std::move(text), v.start_confidence));
  }
  for (const auto& limit : v.limits) {
    sheet.add(limit_label(limit), limit_line(limit, v, now));
  }
  sheet.add("durable", durable_text(v));
  return sheet.wrapped();
}

std::string explain_session(const SessionView& v) {
  FactSheet sheet;
  add_list(sheet, "platform evidence", v.evidence);
  add_list(sheet, "conflicts", v.conflicts);
  add_list(sheet, "start evidence", v.start_evidence);
  std::vector<std::string> others;
  for (const double seconds : v.alternatives_s) {
    others.push_back(format_seconds(seconds));
  }
  sheet.add("limit", v.as_of.empty() ? v.source : fmt::format("{}, as of {}", v.source, v.as_of));
  if (!others.empty()) {
    sheet.add("", fmt::format("others say {}", fmt::join(others, ", ")));
  }
  for (const auto& limit : v.limits) {
    add_list(sheet, limit_label(limit), explain_limit(limit, is_durable(v)));
  }
  add_list(sheet, "activity", v.idle_evidence);
  std::vector<std::vector<std::string>> rows{{"SETTING", "VALUE", "FROM", "DETAIL"}};
  for (const auto& s : v.settings) {
    rows.push_back({s.name, s.value.empty() ? "-" : s.value, s.origin, s.detail});
  }
  return fmt::format("\n{}\n{}", sheet.wrapped(), render_table(rows));
}

std::string render_limits(const SessionView& v, WallTime now) {
  FactSheet sheet;
  sheet.add("platform", platform_text(v));
  sheet.add("session", limit_text(v));
  sheet.add("", v.as_of.empty() ? v.source : fmt::format("{}, as of {}", v.source, v.as_of));
  for (const auto& limit : v.limits) {
    sheet.add(limit_label(limit), limit_line(limit, v, now));
    add_list(sheet, "", explain_limit(limit, is_durable(v)));
  }
  return sheet.wrapped();
}

} // namespace gpujob::client
