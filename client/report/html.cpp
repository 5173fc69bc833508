// SPDX-License-Identifier: Apache-2.0
#include "client/report/charts.h"
#include "client/report/local_time.h"
#include "client/report/markup.h"
#include "client/report/write.h"
#include "common/duration.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::client {

namespace {

/// Okabe and Ito's colours, which the colour-blind tell apart, darker on a light ground. Where it
/// is narrow a table's rows become cards, so that nothing has to be pushed sideways.
constexpr const char* k_style = R"(<style>
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2127;--dim:#57606a;--line:#d5dae0;--card:#f5f7f9;
--kept:#0f7b5c;--lost:#b5470b;--lost-bg:#fbe3d3;--open:#5d6672;--open-bg:#e3e7ec;--save:#0a5ea8;--warn:#8a5a00;--warn-bg:#fff3d1;--note:#7a3b9e;--use:#0a5ea8;--mem:#b5470b}
@media (prefers-color-scheme:dark){:root{--bg:#0f1317;--fg:#e8edf2;--dim:#a3adb8;--line:#323a43;--card:#181e24;
--kept:#3ec49a;--lost:#ff9d5c;--lost-bg:#4a2a14;--open:#a3adb8;--open-bg:#2a323b;--save:#6cb8f5;--warn:#f0c04d;--warn-bg:#3a2e0c;--note:#cf9bf0;--use:#6cb8f5;--mem:#ff9d5c}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1060px;margin:0 auto;padding:20px 16px 48px;overflow-wrap:anywhere}
h1{font-size:1.55rem;line-height:1.2;margin:0 0 2px}h2{font-size:1.1rem;margin:34px 0 8px}h3{font-size:.95rem;margin:14px 0 2px}
p{margin:6px 0}.dim{color:var(--dim)}
.facts{display:flex;flex-wrap:wrap;gap:8px;margin:16px 0 0;padding:0}
.facts div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:7px 12px;flex:1 1 112px}
dt{color:var(--dim);font-size:.8rem}dd{margin:0;font-size:1.12rem;font-weight:600;font-variant-numeric:tabular-nums}
.note{border-left:4px solid var(--warn);background:var(--card);padding:6px 12px;margin:12px 0}
.chart{display:block;overflow:hidden;margin:4px 0;font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.chart text{fill:var(--fg)}.chart .tick{fill:var(--dim);font-size:11px}.chart .name{font-weight:600;font-size:12.5px}.chart .state{fill:var(--dim);font-weight:400}
.chart .halo{paint-order:stroke;stroke:var(--bg);stroke-width:3px}
.chart .day{font-size:12.5px;font-variant-numeric:tabular-nums}
.grid{stroke:var(--line);stroke-width:1}.edge{stroke:var(--fg);stroke-width:1.4}
.kept{fill:var(--kept)}.lost{fill:url(#hatch);stroke:var(--lost);stroke-width:1}.open{fill:url(#dots);stroke:var(--open);stroke-width:1}
.hatch-bg{fill:var(--lost-bg)}.hatch-fg{fill:var(--lost)}.dots-bg{fill:var(--open-bg)}.dots-fg{fill:var(--open)}
.used{fill:var(--use)}
.mark{overflow:visible}.save path{fill:var(--save)}.warn path{fill:var(--warn-bg);stroke:var(--warn);stroke-width:1.4}.warn .bang{stroke:var(--warn);stroke-width:1.8}
.notice line{stroke:var(--note);stroke-width:1.6;stroke-dasharray:5 3}.chart .notice text{fill:var(--note);font-weight:600}
.border line{stroke:var(--dim);stroke-width:1;stroke-dasharray:1 3}.chart .border text{fill:var(--dim)}
.end line{stroke:var(--lost);stroke-width:2}.chart .end text{fill:var(--lost);font-weight:600}
.use,.memory{fill:none;stroke-width:1.6;vector-effect:non-scaling-stroke}.use{stroke:var(--use)}.use-area{fill:var(--use);fill-opacity:.16}
.memory{stroke:var(--mem);stroke-dasharray:6 4}
.key{display:flex;flex-wrap:wrap;gap:4px 16px;margin:2px 0 0;padding:0;list-style:none;font-size:.82rem;color:var(--dim)}
.key svg{width:22px;height:13px;vertical-align:-2px;margin-right:5px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th{text-align:left;color:var(--dim);font-weight:600;border-bottom:2px solid var(--line);padding:5px 7px;vertical-align:bottom}
td{border-bottom:1px solid var(--line);padding:6px 7px;vertical-align:top;unicode-bidi:isolate}th:first-child,td:first-child{padding-left:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.t{white-space:nowrap}
.w{font-weight:600;color:var(--warn)}.s{font-weight:600}
summary{cursor:pointer;padding:8px 0}
footer{margin-top:36px;color:var(--dim);font-size:.82rem}
@media (max-width:640px){.wide{display:none}main{padding:14px 12px 40px}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody,tr,td{display:block}tr{border-bottom:1px solid var(--line);padding:8px 0}
td{border:0;padding:1px 0!important;display:flex;justify-content:space-between;gap:14px;text-align:right}td[data-l]:before{content:attr(data-l);color:var(--dim);text-align:left;flex:none}
td:empty{display:none}td.s{font-size:1rem}td.l{display:block;text-align:left}td.l:before{display:none}.n,.t{white-space:normal}.chart .save path{transform:scale(.6)}}
@media print{main{max-width:none}details:not([open])>*{display:block}}
</style>
)";

constexpr const char* k_run_key =
    R"(<ul class="key"><li><svg aria-hidden="true"><rect class="kept" width="22" height="13"/></svg>kept: a checkpoint holds it</li><li><svg aria-hidden="true"><rect class="lost" x=".5" y=".5" width="21" height="12"/></svg>lost</li><li><svg aria-hidden="true"><rect class="open" x=".5" y=".5" width="21" height="12"/></svg>not saved yet, or not known</li>)";
constexpr const char* k_mark_key =
    R"(<li><svg aria-hidden="true"><g class="save"><path d="M11 2l4 8h-8z"/></g></svg>save</li><li><svg aria-hidden="true"><g class="warn"><path d="M11 .8l5.6 5.6l-5.6 5.6l-5.6 -5.6z"/><path class="bang" d="M11 3.4v3.2m0 1.4v1.2"/></g></svg>warning</li>)";
constexpr const char* k_gpu_key =
    R"(<ul class="key"><li><svg aria-hidden="true"><path class="use" d="M0 7h22"/></svg>use</li><li><svg aria-hidden="true"><path class="memory" d="M0 7h22"/></svg>memory</li></ul>
)";

std::string cell(const char* label, const std::string& text, const char* kind = "") {
  const auto quoted = *kind != 0 ? fmt::format(" class=\"{}\"", kind) : std::string{};
  return fmt::format("<td data-l=\"{}\"{}>{}</td>", label, quoted,
                     text.empty() ? "" : "<span>" + escape_markup(text) + "</span>");
}

std::string head_of(const Report& r) {
  const auto title = report_title(r);
  auto out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta name=\"robots\" content=\"noindex\">\n<title>gpujob report: {}</title>\n{}</head>\n"
      "<body>\n{}<main>\n<header><h1>{}</h1>\n<p class=\"dim\">{}</p>\n<dl class=\"facts\">",
      escape_markup(title), k_style, chart_patterns(), escape_markup(title),
      escape_markup(report_period(r)));
  for (const auto& [label, value] : report_facts(r)) {
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escape_markup(label),
                       escape_markup(value));
  }
  out += "</dl></header>\n";
  for (const auto& note : report_notes(r)) {
    out += fmt::format("<p class=\"note\">{}</p>\n", escape_markup(note));
  }
  return out;
}

std::string time_line(const Report& r) {
  if (r.jobs.empty() && r.notices.empty()) {
    return {};
  }
  auto out = "<section><h2>Time line</h2>\n" + draw_time_line(r) + k_run_key + k_mark_key;
  out += "</ul>\n";
  if (r.jobs.size() > k_most_lanes) {
    out += fmt::format("<p class=\"dim\">The first {} of {} jobs; the table has all.</p>\n",
                       k_most_lanes, r.jobs.size());
  }
  return out + "</section>\n";
}

std::string goodput(const Report& r) {
  const auto& g = r.goodput;
  if (g.kept_s + g.lost_s + g.open_s <= 0) {
    return {};
  }
  auto out = "<section><h2>Work kept and lost</h2>\n" + draw_goodput(g) + k_run_key + "</ul>\n";
  if (g.losses.empty()) {
    return out + "<p>Nothing was lost.</p></section>\n";
  }
  out += "<table><thead><tr><th>Why work was lost</th><th class=\"n\">Times</th><th "
         "class=\"n\">Lost</th></tr></thead><tbody>\n";
  for (const auto& loss : g.losses) {
    out += fmt::format("<tr>{}{}{}</tr>\n", cell("Why", loss.why, "l s"),
                       cell("Times", std::to_string(loss.times), "n"),
                       cell("Lost", format_seconds(loss.seconds), "n"));
  }
  return out + "</tbody></table></section>\n";
}

std::string jobs(const Report& r) {
  if (r.jobs.empty()) {
    return {};
  }
  std::string out = "<section><h2>Jobs</h2>\n<table><thead><tr><th>Job</th><th>State</th><th "
                    "class=\"n\">Attempts</th><th class=\"n\">Ran</th><th class=\"n\">Kept</th><th "
                    "class=\"n\">Lost</th><th class=\"n\">Saves</th><th>Last "
                    "save</th></tr></thead><tbody>\n";
  for (const auto& row : r.jobs) {
    out += fmt::format(
        "<tr>{}{}{}{}{}{}{}{}</tr>\n", cell("Job", row.name, "l s"), cell("State", row.state),
        cell("Attempts", std::to_string(row.attempts), "n"),
        cell("Ran", format_seconds(row.ran_s), "n"), cell("Kept", format_seconds(row.kept_s), "n"),
        cell("Lost", lost_text(row), "n"), cell("Saves", std::to_string(row.saves), "n"),
        cell("Last save", row.saved_at ? minute_text(*row.saved_at) : "none", "t"));
  }
  return out + "</tbody></table></section>\n";
}

std::string gpus(const Report& r) {
  std::string out;
  for (const auto& gpu : r.gpus) {
    if (std::ranges::none_of(gpu.use, [](const auto& v) { return v.has_value(); })) {
      continue;
    }
    std::string line;
    const auto add = [&](const std::string& text) { line += (line.empty() ? "" : ", ") + text; };
    if (gpu.mean_use) {
      add("use " + percent_text(*gpu.mean_use) + " on average");
    }
    if (gpu.idle_share) {
      add("idle " + percent_text(100 * *gpu.idle_share) + " of the time");
    }
    if (gpu.most_memory) {
      add("up to " + format_bytes(static_cast<unsigned long long>(*gpu.most_memory)) +
          " of memory");
    }
    if (gpu.hottest_c) {
      add(fmt::format("up to {:.0f} °C", *gpu.hottest_c));
    }
    out += fmt::format("<h3>{}. {}</h3>\n<p class=\"dim\">{}</p>\n{}", &gpu - r.gpus.data(),
                       escape_markup(gpu.name.empty() ? gpu.uuid : gpu.name), escape_markup(line),
                       draw_gpu(r, gpu));
  }
  return out.empty() ? out : "<section><h2>GPU</h2>\n" + out + k_gpu_key + "</section>\n";
}

std::string quota(const Report& r) {
  std::string out;
  for (const auto& use : r.uses) {
    out += fmt::format("<h3>{}</h3>\n{}", escape_markup(use.resource),
                       draw_days(use, static_cast<std::size_t>(&use - r.uses.data())));
    for (const auto& limit : use.limits) {
      out += fmt::format("<p>{}</p>\n", escape_markup(limit_line(limit)));
    }
  }
  return out.empty() ? out
                     : fmt::format("<section><h2>Use by day</h2>\n<p class=\"dim\">All sessions on "
                                   "{} that are known here.</p>\n{}</section>\n",
                                   escape_markup(r.session.platform), out);
}

std::string event_rows(const std::vector<const EventView*>& events) {
  std::string out = "<table><thead><tr><th>When</th><th>What</th><th>Job</th><th>"
                    "</th></tr></thead><tbody>\n";
  for (const auto* e : events) {
    auto kind = e->kind;
    std::ranges::replace(kind, '_', ' ');
    out += fmt::format("<tr>{}{}{}{}</tr>\n", cell("When", minute_text(e->at), "t"),
                       cell("What", kind, e->kind == "warning" ? "w" : "s"), cell("Job", e->name),
                       cell("", e->text, "l"));
  }
  return out + "</tbody></table>\n";
}

std::string events(const Report& r) {
  std::vector<const EventView*> loud;
  std::vector<const EventView*> all;
  for (const auto& e : r.events) {
    all.push_back(&e);
    if (e.kind == "warning" || (e.kind == "notice" && e.job.empty())) {
      loud.push_back(&e);
    }
  }
  const auto newest = [](std::vector<const EventView*>& list) {
    const auto left_out = list.size() - std::min(list.size(), k_most_events);
    list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(left_out));
    return left_out;
  };
  std::string out;
  if (!loud.empty()) {
    newest(loud);
    out += "<section><h2>Warnings and notices</h2>\n" + event_rows(loud) + "</section>\n";
  }
  if (!all.empty()) {
    const auto count = all.size();
    const auto left_out = newest(all);
    out += fmt::format("<section><h2>All that happened</h2>\n<details><summary>{} events{}"
                       "</summary>\n{}</details></section>\n",
                       count,
                       left_out > 0 ? fmt::format(", the newest {} are here", k_most_events) : "",
                       event_rows(all));
  }
  return out;
}

} // namespace

std::string report_html(const Report& r) {
  return head_of(r) + time_line(r) + goodput(r) + jobs(r) + gpus(r) + quota(r) + events(r) +
         fmt::format("<footer>Made by gpujob {} on {} {}. A run's work is kept up to its newest "
                     "verified checkpoint; what comes after it is lost, unless the job was "
                     "done.</footer>\n</main></body></html>\n",
                     GPUJOB_VERSION, escape_markup(minute_text(r.made_at)),
                     escape_markup(zone_text(r.made_at)));
}

} // namespace gpujob::client
