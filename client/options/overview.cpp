// SPDX-License-Identifier: Apache-2.0
#include "client/options/verbs.h"

/// The verbs that show session, GPUs and jobs together.
namespace gpujob::client {

void declare_top(Verbs& verbs) {
  auto& o = verbs.options<TopOptions>();
  auto& top =
      verbs.add(verbs.app(), "top", "The session, its GPUs and its jobs, live on the whole screen",
                "gpujob top", o);
  top.add_option("--interval", o.interval, "How often it looks (default: 1s)")->type_name("D");
  top.add_flag("--once", o.once, "Print one picture as text; needs no terminal");
}

void declare_report(Verbs& verbs) {
  auto& o = verbs.options<ReportOptions>();
  auto& report =
      verbs.add(verbs.app(), "report", "What happened, and what it was worth: a page with pictures",
                "gpujob report --last 7d -o week.html", o);
  auto* session = report.add_flag_callback(
      "--session", [] {}, "About this session (unless told otherwise)");
  auto* job = report.add_option("--job", o.job, "About one job")->type_name("JOB");
  auto* last =
      report.add_option("--last", o.last, "About so long until now: 7d, 12h")->type_name("TIME");
  job->excludes(session)->excludes(last);
  last->excludes(session);
  report
      .add_option("-o,--output", o.output,
                  "Write it there; - is standard output (default: gpujob-report-DATE.html)")
      ->type_name("FILE");
  report.add_option("--format", o.format, "html, md or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"html", "md", "json"}));
}

void declare_metrics(Verbs& verbs) {
  auto& o = verbs.options<MetricsOptions>();
  auto& metrics =
      verbs.add(verbs.app(), "metrics", "Session, jobs and GPUs as OpenMetrics, for Prometheus",
                "gpujob metrics --watch /var/lib/node_exporter/gpujob.prom", o);
  auto* watch =
      metrics.add_option("--watch", o.watch, "Keep this file up to date")->type_name("FILE");
  metrics.add_option("--interval", o.interval, "Between two writes of it (15s)")
      ->type_name("D")
      ->needs(watch);
  auto* listen = metrics
                     .add_option("--listen", o.listen,
                                 "Answer HTTP on this port of this machine, to who has the token")
                     ->type_name("[ADDR:]PORT")
                     ->excludes(watch);
  metrics
      .add_option("--token-file", o.token_file,
                  "Holds the token (metrics.token in the runtime directory, made when missing)")
      ->type_name("FILE")
      ->needs(listen);
}

} // namespace gpujob::client
