// SPDX-License-Identifier: Apache-2.0
#include "client/render/bench.h"

#include "client/bench/published.h"
#include "client/render/table.h"
#include "common/json.h"
#include "common/text.h"

#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

using json::Json;
using Row = std::vector<std::string>;

/// So that the table fits 80 columns; the whole name is in the JSON.
constexpr std::size_t k_widest_device = 24;

double gflops(double seconds) {
  return k_bench_flop / seconds / 1e9;
}

/// Three digits, and never an exponent.
std::string three_digits(double number) {
  return number < 99.95 ? fmt::format("{:.3g}", number) : fmt::format("{:.0f}", number);
}

std::string device(const Measured& m) {
  if (m.gpu.empty()) {
    return fmt::format("CPU, {} thread{}", m.threads, m.threads == 1 ? "" : "s");
  }
  const auto name = printable(m.gpu);
  return name.size() <= k_widest_device ? name : name.substr(0, k_widest_device - 1) + "~";
}

void add_rows(std::vector<Row>& rows, const BenchReport& report, bool on_gpu) {
  const auto by = report.torch.empty() ? "plain kernel" : "PyTorch";
  for (const auto& m : report.measured) {
    if (m.gpu.empty() != on_gpu) {
      rows.push_back({"here", device(m), short_time(m.timing.best_s), short_time(m.timing.median_s),
                      three_digits(gflops(m.timing.best_s)), by});
    }
  }
  for (const auto& p : k_published) {
    if (p.on_gpu == on_gpu) {
      rows.push_back({std::string(p.where), on_gpu ? "GPU" : "CPU", short_time(p.seconds), "",
                      p.is_measurement ? three_digits(gflops(p.seconds)) : "",
                      p.is_measurement ? "as published" : "a launch only"});
    }
  }
}

std::string launches(const BenchReport& report) {
  std::string out;
  for (const auto& m : report.measured) {
    if (m.launch_s) {
      out += fmt::format("here       {}: launched after {}, done after {}\n", device(m),
                         short_time(*m.launch_s), short_time(m.timing.median_s));
    }
  }
  return out;
}

std::string heading(const BenchReport& report) {
  FactSheet sheet;
  sheet.add("product", fmt::format("{0} x {0} times {0} x {0}, float32: {1:.3f} GFLOP", k_bench_n,
                                   k_bench_flop / 1e9));
  if (report.torch.empty()) {
    sheet.add("here by", "gpujob's own plain kernel: one thread, no BLAS; the CPU alone");
  } else {
    sheet.add("here by", "PyTorch " + report.torch.substr(0, 60));
    sheet.add("of", report.python);
  }
  return sheet.text();
}

Json measured_json(const Measured& m) {
  Json j{{"device", m.gpu.empty() ? "cpu" : "gpu"},
         {"seconds_best", m.timing.best_s},
         {"seconds_median", m.timing.median_s},
         {"runs", m.timing.runs},
         {"gflop_per_second", gflops(m.timing.best_s)}};
  if (m.gpu.empty()) {
    j["threads"] = m.threads;
  } else {
    j["name"] = m.gpu;
  }
  if (m.launch_s) {
    j["seconds_launch"] = *m.launch_s;
  }
  return j;
}

} // namespace

std::string short_time(double seconds) {
  // What rounds to 1000 of a unit is 1 of the next.
  if (seconds < 999.5e-6) {
    return three_digits(seconds * 1e6) + " us";
  }
  return seconds < 999.5e-3 ? three_digits(seconds * 1e3) + " ms" : three_digits(seconds) + " s";
}

std::string render_bench(const BenchReport& report) {
  std::vector<Row> rows{{"WHERE", "ON", "TIME", "MEDIAN", "GFLOP/S", "BY"}};
  add_rows(rows, report, false);
  add_rows(rows, report, true);
  return heading(report) + "\n" + render_table(rows) +
         "\nhere       TIME is the best run, MEDIAN that of all; a GPU is waited for\n"
         "published  in a user's post of 2020-02-21; by what software is not stated\n"
         "40.8 us    is the time of a launch alone: nobody waited for the GPU to be done\n" +
         launches(report);
}

nlohmann::json bench_document(const BenchReport& report) {
  auto measured = Json::array();
  for (const auto& m : report.measured) {
    measured.push_back(measured_json(m));
  }
  auto published = Json::array();
  for (const auto& p : k_published) {
    published.push_back({{"where", p.where},
                         {"device", p.on_gpu ? "gpu" : "cpu"},
                         {"seconds", p.seconds},
                         {"is_measurement", p.is_measurement},
                         {"source", p.source},
                         {"as_of", p.as_of}});
  }
  return {{"product",
           {{"rows", k_bench_n},
            {"columns", k_bench_n},
            {"inner", k_bench_n},
            {"type", "float32"},
            {"flop", static_cast<std::int64_t>(k_bench_flop)}}},
          {"by", report.torch.empty() ? "plain kernel" : "PyTorch"},
          {"torch", report.torch.empty() ? Json() : Json(report.torch)},
          {"python", report.python.empty() ? Json() : Json(report.python)},
          {"measured", std::move(measured)},
          {"published", std::move(published)},
          {"notes", report.notes}};
}

} // namespace gpujob::client
