// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/simulate.h"

#include "common/duration.h"
#include "daemon/simulate/report.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>

namespace gpujob::simulate {

namespace {

struct Request {
  std::string cap = "12h", end = "sharp", end_sd = "10m", save = "30s", mtbf = "none", svg, ledger;
  double sigma = 0.5;
  int sessions = 3000;
  std::uint64_t seed = 1;
  bool matrix = false, json = false, strict = false;
};

double seconds(const std::string& text, const char* option) {
  const auto parsed = parse_duration(text, option);
  if (!parsed || *parsed <= Duration{}) {
    throw CLI::ValidationError(parsed ? fmt::format("{}: {}: must be above 0", option, text)
                                      : parsed.error().text);
  }
  return std::chrono::duration<double>(*parsed).count();
}

Laws laws_of(const Request& r) {
  return {.cap = seconds(r.cap, "--cap"),
          .end_sd = r.end == "fuzzy" ? seconds(r.end_sd, "--end-sd") : 0,
          .save_median = seconds(r.save, "--save"),
          .sigma = r.sigma,
          .mtbf = r.mtbf == "none" ? std::nullopt : std::optional(seconds(r.mtbf, "--mtbf"))};
}

/// Both ends, four costs of a save, three rates of death; the rest as asked for.
std::vector<Laws> matrix_of(const Request& r) {
  std::vector<Laws> out;
  for (const char* end : {"sharp", "fuzzy"}) {
    for (const char* mtbf : {"none", "6h", "1h"}) {
      for (const char* save : {"10s", "30s", "60s", "120s"}) {
        auto one = r;
        one.end = end;
        one.mtbf = mtbf;
        one.save = save;
        out.push_back(laws_of(one));
      }
    }
  }
  return out;
}

/// The sessions that were, and the mean time between deaths that they had.
Result<Cell> replay(const Request& request, const LedgerReader& ledger) {
  const auto recorded = ledger(request.ledger);
  if (!recorded) {
    return recorded.error();
  }
  if (recorded->empty()) {
    return make_error(Errc::not_found, "simulate: " + request.ledger +
                                           ": no session in its ledger: name the durable "
                                           "directory that jobs were run with");
  }
  auto laws = laws_of(request);
  laws.mtbf = mean_between_deaths(*recorded, laws.cap);
  return run_cell(laws, request.sessions, request.seed, *recorded);
}

int carry_out(const Request& request, const LedgerReader& ledger) {
  std::vector<Cell> cells;
  if (!request.ledger.empty()) {
    auto cell = replay(request, ledger);
    if (!cell) {
      fmt::print(stderr, "gpujob: {}\n", cell.error().text);
      return 1;
    }
    cells.push_back(std::move(*cell));
  } else {
    for (const auto& laws : request.matrix ? matrix_of(request) : std::vector{laws_of(request)}) {
      cells.push_back(run_cell(laws, request.sessions, request.seed));
    }
  }
  if (!request.svg.empty()) {
    std::ofstream file(request.svg);
    file << render_svg(cells);
    if (!file.flush()) {
      fmt::print(stderr, "simulate: {}: cannot write it\n", request.svg);
      return 1;
    }
  }
  const auto text = request.json     ? to_json(cells).dump(2) + "\n"
                    : request.matrix ? render_matrix(cells)
                                     : render_cell(cells.front());
  fmt::print("{}", text);
  return request.strict && !all_hold(cells) ? 1 : 0;
}

} // namespace

int simulate_main(int argc, char** argv, const LedgerReader& ledger) {
  Request r;
  CLI::App app{"Ways to decide when to save, compared on the same simulated sessions",
               "gpujob simulate"};
  app.footer("Example: gpujob simulate --cap 9h --save 2m");
  app.add_option("--cap", r.cap, "How long a session may live (12h)");
  app.add_option("--end", r.end, "The cap strikes to the second, or around its time (sharp)")
      ->check(CLI::IsMember({"sharp", "fuzzy"}));
  app.add_option("--end-sd", r.end_sd, "Standard deviation of a fuzzy one (10m)");
  app.add_option("--save", r.save, "The median time a save takes (30s)");
  app.add_option("--sigma", r.sigma, "The spread of its logarithm (0.5)")
      ->check(CLI::Range(0.0, 3.0));
  auto* mtbf =
      app.add_option("--mtbf", r.mtbf, "Mean time between deaths without a word, or none (none)");
  app.add_option("--sessions", r.sessions, "How many, in users of 30 (3000)")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--seed", r.seed, "Another seed, other sessions (1)");
  auto* matrix = app.add_flag("--matrix", r.matrix,
                              "All 24 cells: two ends, four saves, three rates of death");
  app.add_flag("--json", r.json, "For programs");
  app.add_option("--svg", r.svg, "Also a picture, into this file");
  app.add_flag("--strict", r.strict, "Exit code 1 when the planner misses a figure it is held to");
  app.add_option("--ledger", r.ledger,
                 "The sessions of this durable directory, again and again; only saves are made up")
      ->excludes(mtbf)
      ->excludes(matrix);
  try {
    app.parse(argc, argv);
    return carry_out(r, ledger);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
}

} // namespace gpujob::simulate
