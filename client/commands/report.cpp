// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/report/gather.h"
#include "client/report/local_time.h"
#include "client/report/model.h"
#include "client/report/write.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/file.h"
#include "common/text.h"

#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

/// Others may read it, as what an editor writes.
constexpr mode_t k_mode = 0644;

Result<ReportScope> scope_of(const ReportOptions& options) {
  ReportScope scope;
  scope.job = options.job;
  if (!options.last.empty()) {
    const auto last = parse_duration(options.last, "report: --last");
    if (!last) {
      return last.error();
    }
    if (*last < std::chrono::minutes{1}) {
      return Error{Errc::usage, "report: --last " + options.last + ": is too short: give 7d, 12h"};
    }
    scope.last = *last;
  }
  return scope;
}

std::string written(const Report& report, const std::string& format) {
  if (format == "json") {
    return report_json(report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return format == "md" ? report_markdown(report) : report_html(report);
}

} // namespace

Result<int> execute(const ReportOptions& options) {
  const auto scope = scope_of(options);
  if (!scope) {
    return scope.error();
  }
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  const auto gathered = gather(*connection, *scope, read_clocks().wall);
  if (!gathered) {
    return gathered.error();
  }
  const auto report = make_report(*gathered);
  if (options.json) {
    GPUJOB_TRY(print_json(report_json(report)));
    return 0;
  }
  const auto text = written(report, options.format);
  if (options.output == "-") {
    GPUJOB_TRY(print(text));
    return 0;
  }
  const auto path = options.output.empty() ? fmt::format("gpujob-report-{}.{}",
                                                         date_text(report.made_at), options.format)
                                           : options.output;
  const auto whole = std::filesystem::absolute(path).lexically_normal().string();
  if (auto kept = atomic_replace(whole, text, k_mode); !kept) {
    return Error{kept.error().code,
                 "report: " + kept.error().text + ": choose another file with -o"};
  }
  GPUJOB_TRY(print(printable(whole) + "\n"));
  return 0;
}

} // namespace gpujob::client
