// SPDX-License-Identifier: Apache-2.0
#include "client/report/local_time.h"
#include "client/report/markup.h"
#include "client/report/write.h"
#include "common/duration.h"

#include <fmt/format.h>

/// Sentences that every form of a report has.
namespace gpujob::client {

std::string report_title(const Report& r) {
  if (!r.scope.job.empty()) {
    return "Job " + (r.jobs.empty() ? r.scope.job : r.jobs.front().name);
  }
  if (r.scope.last) {
    return fmt::format("The last {}", format_duration(*r.scope.last));
  }
  return "Session on " + r.session.platform +
         (r.session.variant.empty() ? "" : ", " + r.session.variant);
}

std::string report_period(const Report& r) {
  const auto until = std::min(r.until, r.made_at);
  return fmt::format("{} to {} {} ({})", minute_text(r.from), minute_text(until), zone_text(until),
                     format_duration(until - r.from));
}

std::vector<std::pair<std::string, std::string>> report_facts(const Report& r) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto& g = r.goodput;
  const auto share = g.share();
  out.emplace_back("Work kept", share ? percent_text(100 * *share) : "none yet");
  out.emplace_back("Kept", format_seconds(g.kept_s));
  out.emplace_back("Lost", format_seconds(g.lost_s));
  if (g.open_s > 0) {
    out.emplace_back("Not saved yet", format_seconds(g.open_s));
  }
  out.emplace_back("Saves", std::to_string(r.saves));
  double use = 0;
  int seen = 0;
  for (const auto& gpu : r.gpus) {
    use += gpu.mean_use.value_or(0);
    seen += gpu.mean_use ? 1 : 0;
  }
  if (seen > 0) {
    out.emplace_back(seen == 1 ? "GPU use" : fmt::format("Use of {} GPUs", seen),
                     percent_text(use / seen));
  }
  if (const auto end = r.session.ends_at; r.of_this_session && end) {
    out.emplace_back(*end > r.made_at ? "Ends" : "Ended", clock_text(*end));
  }
  return out;
}

std::vector<std::string> report_notes(const Report& r) {
  std::vector<std::string> out;
  if (r.jobs.empty()) {
    out.emplace_back(r.scope.job.empty()
                         ? "No job has run here in this time."
                         : "It has not run on this machine: what other sessions did is not known "
                           "here in detail.");
  }
  if (r.goodput.unknown > 0) {
    out.push_back(fmt::format(
        "{} ended unseen, with the machine: what they lost is not known and "
        "not counted.",
        r.goodput.unknown == 1 ? "One attempt" : fmt::format("{} attempts", r.goodput.unknown)));
  }
  if (!r.gpu_note.empty()) {
    out.push_back("No GPU use: " + r.gpu_note + ".");
  }
  return out;
}

std::string limit_line(const LimitView& l) {
  auto out = fmt::format("{}: {} of {} used", l.resource,
                         l.used_s ? format_seconds(*l.used_s) : std::string("an unknown part"),
                         format_seconds(l.amount_s.value_or(0)));
  if (l.left_s) {
    out += fmt::format(", {} left", format_seconds(*l.left_s));
  }
  return out + (l.renews_at ? ", renewed " + minute_text(*l.renews_at) : std::string{});
}

std::string lost_text(const JobRow& row) {
  const auto known = row.lost_s > 0 ? format_seconds(row.lost_s) : std::string("none");
  return row.unknown == 0 ? known : row.lost_s > 0 ? known + " and more" : std::string("not known");
}

} // namespace gpujob::client
