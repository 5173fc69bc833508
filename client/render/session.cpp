// SPDX-License-Identifier: Apache-2.0
#include "client/render/session.h"

#include "client/instant.h"
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
    return "unknown: nothing is asked to save in time; give --session-limit to gpujob daemon start";
  }
  auto text = format_seconds(*v.limit_s);
  if (!v.source.empty()) {
    text += ": " + v.source;
  }
  if (!v.as_of.empty()) {
    text += ", as of " + v.as_of;
  }
  return with_confidence(std::move(text), v.limit_confidence);
}

std::string end_text(const SessionView& v, WallTime now) {
  if (!v.ends_at) {
    return "unknown";
  }
  auto text = fmt::format("{} ({}){}", format_local(*v.ends_at), relative(*v.ends_at, now),
                          v.ends_by == "quota" ? " by a quota, before its own limit" : "");
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

std::string machines_text(const QuotaView& q) {
  return fmt::format("{} machine{}", q.machines, q.machines == 1 ? "" : "s");
}

/// "at most 27h 12m left of 30h 00m; 2h 48m used on 3 machines; anew Sat 28 Nov 00:00:00 UTC (in
/// 6d)"
std::string quota_text(const QuotaView& q, WallTime now) {
  if (!q.left_s || !q.amount_s) {
    return "unknown: " + (q.note.empty() ? "nobody says how much it is" : q.note);
  }
  const auto used = q.used_s == 0 ? "nothing used"
                                  : fmt::format("{} used on {}", seconds_text(q.used_s, "unknown"),
                                                machines_text(q));
  auto text = fmt::format("at most {} left of {}; {}", format_seconds(*q.left_s),
                          format_seconds(*q.amount_s), used);
  if (q.renews_at) {
    text += fmt::format("; anew {} ({})", format_local(*q.renews_at), relative(*q.renews_at, now));
  }
  if (q.effect == "deny_new") {
    text += "; a session that runs goes on";
  } else if (q.runs_out_at) {
    text += fmt::format("; used up {} ({})", format_local(*q.runs_out_at),
                        relative(*q.runs_out_at, now));
  }
  return text;
}

void add_list(FactSheet& sheet, const std::string& label, const std::vector<std::string>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    sheet.add(i == 0 ? label : "", items[i]);
  }
}

std::vector<std::string> explain_quota(const QuotaView& q, bool durable) {
  std::vector<std::string> lines{
      with_confidence(fmt::format("{}, as of {}", q.source, q.as_of), q.confidence)};
  for (const double seconds : q.alternatives_s) {
    lines.push_back("others say " + format_seconds(seconds));
  }
  lines.emplace_back(durable ? "counted from what gpujob wrote into the durable directory on all "
                               "machines: what was used without it is not seen"
                             : "counted from this session alone: there is no durable directory");
  return lines;
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
  for (const auto& q : v.quotas) {
    sheet.add(fmt::format("quota ({})", q.resource), quota_text(q, now));
  }
  sheet.add("durable", durable_text(v));
  return sheet.text();
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
  sheet.add("other limits", fmt::format("{}", fmt::join(others, ", ")));
  for (const auto& q : v.quotas) {
    add_list(sheet, fmt::format("quota ({})", q.resource),
             explain_quota(q, !v.durable_path.empty()));
  }
  std::vector<std::vector<std::string>> rows{{"SETTING", "VALUE", "FROM", "DETAIL"}};
  for (const auto& s : v.settings) {
    rows.push_back({s.name, s.value.empty() ? "-" : s.value, s.origin, s.detail});
  }
  return fmt::format("\n{}\n{}", sheet.text(), render_table(rows));
}

} // namespace gpujob::client
