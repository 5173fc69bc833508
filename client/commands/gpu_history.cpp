// SPDX-License-Identifier: Apache-2.0
#include "client/render/gpu_history.h"
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/environment.h"
#include "client/output.h"
#include "client/pages.h"
#include "client/render/gpu_snapshots.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/json.h"
#include "common/text.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

/// What the daemon has kept of the GPUs.
namespace gpujob::client {

namespace {

using json::Json;

/// A terminal's locale, by its name; where there is none it is "C".
bool speaks_utf8() {
  const auto environment = own_environment();
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value(value_of(environment, name));
    if (!value.empty()) {
      return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos;
    }
  }
  return false;
}

template <typename Take>
Result<void> call_pages(std::string_view method, Json params, Take take) {
  auto connection = reach_daemon();
  return connection ? each_page(*connection, method, std::move(params), take)
                    : Result<void>(connection.error());
}

Json to_json(const GpuSeries& series) {
  auto points = Json::array();
  const auto maybe = [](const auto& value) { return value ? Json(*value) : Json(); };
  for (const auto& p : series.points) {
    points.push_back({p.at, maybe(p.use_percent), maybe(p.memory_used), maybe(p.temperature_c),
                      maybe(p.power_mw)});
  }
  return {{"gpu", series.gpu}, {"step_s", series.step_s}, {"points", std::move(points)}};
}

void say_why_nothing(const Json& answer) {
  gpujob::json::Reader r(answer.at("sampling"), "gpu");
  const auto why = printable(r.text_or("why", ""));
  note("no history of a GPU" + (why.empty() ? std::string(" yet") : ": " + why));
}

} // namespace

Result<int> execute(const GpuHistoryOptions& options) {
  const auto span = parse_duration(options.span.empty() ? "1h" : options.span, "--history");
  if (!span) {
    return span.error();
  }
  const auto span_s = std::chrono::ceil<std::chrono::seconds>(*span).count();
  if (span_s < 1 || !is_plausible(*span)) {
    return Error{Errc::usage, "gpu: --history: is not a time back: give 1h"};
  }
  Json last;
  std::vector<GpuSeries> history;
  GPUJOB_TRY(call_pages("gpu", {{"history_s", span_s}, {"gpu", nullptr}},
                        [&](Json answer) -> Result<void> {
                          auto page = read_gpu_history(answer);
                          if (!page) {
                            return page.error();
                          }
                          join(history, std::move(*page));
                          last = std::move(answer);
                          return {};
                        }));
  gpujob::json::Reader r(last, "gpu");
  if (const auto* devices = r.find("devices"); devices == nullptr || !devices->is_array()) {
    r.fail("devices", "is not a list");
  }
  if (const auto* sampling = r.find("sampling"); sampling == nullptr || !sampling->is_object()) {
    r.fail("sampling", "is not an object");
  }
  if (!r.ok()) {
    return r.error();
  }
  if (options.json) {
    last.erase("next");
    last["history"] = Json::array();
    for (const auto& series : history) {
      last["history"].push_back(to_json(series));
    }
    GPUJOB_TRY(print_json(last));
    return 0;
  }
  if (options.csv) {
    GPUJOB_TRY(print(gpu_history_csv(history)));
    return 0;
  }
  if (history.empty()) {
    say_why_nothing(last);
    return 0;
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(read_clocks().wall.time_since_epoch());
  GPUJOB_TRY(print(render_gpu_history(last, history, {now.count(), span_s, speaks_utf8()})));
  return 0;
}

Result<int> execute(const GpuSnapshotsOptions& options) {
  auto all = Json::array();
  GPUJOB_TRY(call_pages("gpu.snapshots",
                        {{"job", options.job.empty() ? Json() : Json(options.job)}},
                        [&](Json answer) -> Result<void> {
                          gpujob::json::Reader r(answer, "gpu.snapshots");
                          const auto* page = r.find("snapshots");
                          if (page == nullptr || !page->is_array()) {
                            r.fail("snapshots", "is not a list");
                            return r.error();
                          }
                          for (const auto& item : *page) {
                            all.push_back(item);
                          }
                          return {};
                        }));
  if (options.json) {
    GPUJOB_TRY(print_json({{"snapshots", std::move(all)}}));
  } else if (all.empty()) {
    note("no snapshot of a GPU yet");
  } else {
    GPUJOB_TRY(print(render_gpu_snapshots(all)));
  }
  return 0;
}

} // namespace gpujob::client
