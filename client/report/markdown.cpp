// SPDX-License-Identifier: Apache-2.0
#include "client/report/local_time.h"
#include "client/report/markup.h"
#include "client/report/write.h"
#include "common/duration.h"

#include <fmt/format.h>

namespace gpujob::client {

namespace {

std::string jobs(const Report& r) {
  if (r.jobs.empty()) {
    return {};
  }
  std::string out = "\n## Jobs\n\n| job | state | attempts | ran | kept | lost | saves | last save "
                    "|\n|---|---|---:|---:|---:|---:|---:|---|\n";
  for (const auto& row : r.jobs) {
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", escape_markdown(row.name),
                       escape_markdown(row.state), row.attempts, format_seconds(row.ran_s),
                       format_seconds(row.kept_s), lost_text(row), row.saves,
                       row.saved_at ? minute_text(*row.saved_at) : "none");
  }
  return out;
}

std::string losses(const Report& r) {
  if (r.goodput.losses.empty()) {
    return {};
  }
  std::string out = "\n## Why work was lost\n\n| why | times | lost |\n|---|---:|---:|\n";
  for (const auto& loss : r.goodput.losses) {
    out += fmt::format("| {} | {} | {} |\n", escape_markdown(loss.why), loss.times,
                       format_seconds(loss.seconds));
  }
  return out;
}

std::string quota(const Report& r) {
  std::string out;
  for (const auto& use : r.uses) {
    out += fmt::format("\n### {}\n\n| day | used |\n|---|---:|\n", escape_markdown(use.resource));
    for (const auto& day : use.days) {
      out += fmt::format("| {} | {} |\n", day_text(day.day), format_seconds(day.seconds));
    }
    for (const auto& limit : use.limits) {
      out += "\n" + escape_markdown(limit_line(limit)) + "\n";
    }
  }
  return out.empty() ? out : "\n## Use by day\n" + out;
}

std::string warnings(const Report& r) {
  std::string out;
  std::size_t shown = 0;
  for (auto e = r.events.rbegin(); e != r.events.rend() && shown < k_most_events; ++e) {
    if (e->kind == "warning" || (e->kind == "notice" && e->job.empty())) {
      const auto whose = e->name.empty() ? std::string{} : escape_markdown(e->name) + ": ";
      out = fmt::format("- {}, {}: {}{}\n", minute_text(e->at), e->kind, whose,
                        escape_markdown(e->text)) +
            out;
      ++shown;
    }
  }
  return out.empty() ? out : "\n## Warnings and notices\n\n" + out;
}

} // namespace

std::string report_markdown(const Report& r) {
  auto out = fmt::format("# {}\n\n{}\n\n", escape_markdown(report_title(r)),
                         escape_markdown(report_period(r)));
  for (const auto& [label, value] : report_facts(r)) {
    out += fmt::format("- {}: **{}**\n", escape_markdown(label), escape_markdown(value));
  }
  for (const auto& note : report_notes(r)) {
    out += "\n" + escape_markdown(note) + "\n";
  }
  return out + losses(r) + jobs(r) + quota(r) + warnings(r);
}

} // namespace gpujob::client
