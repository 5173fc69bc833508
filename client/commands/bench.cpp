// SPDX-License-Identifier: Apache-2.0
#include "client/render/bench.h"
#include "client/bench/matmul.h"
#include "client/bench/torch.h"
#include "client/commands/commands.h"
#include "client/environment.h"
#include "client/output.h"
#include "common/duration.h"

#include <nlohmann/json.hpp>

/// No daemon is asked: it is this machine's, whoever else uses it now.
namespace gpujob::client {

namespace {

constexpr const char* k_own_kernel = "measured with gpujob's own plain kernel";

void say(BenchReport& report, std::string text) {
  note(text);
  report.notes.push_back(std::move(text));
}

void take_answer(BenchReport& report, TorchAnswer answer, const std::string& python) {
  report.torch = std::move(answer.version);
  report.python = python;
  report.measured = std::move(answer.measured);
  for (const auto& failed : answer.failed) {
    say(report, "GPU: " + failed + ": not measured");
  }
  if (report.measured.size() == 1 && answer.failed.empty()) {
    say(report, "GPU: PyTorch sees none: only the CPU is measured");
  }
}

/// The first that has an answer; false when a signal ended it.
bool ask_pythons(BenchReport& report, const BenchOptions& options, Duration limit) {
  const auto programs = pythons(options.python, own_environment());
  if (programs.empty()) {
    const auto name = options.python.empty() ? std::string("python3") : options.python;
    say(report, "python: " + name + ": not found on PATH: " + k_own_kernel);
  }
  for (std::size_t i = 0; i < programs.size(); ++i) {
    auto one = ask_torch(programs[i], limit);
    if (one.interrupted) {
      return false;
    }
    if (one.answer) {
      take_answer(report, std::move(*one.answer), programs[i]);
      return true;
    }
    say(report, "python: " + programs[i] + ": " + one.answer.error().text + ": " +
                    (i + 1 < programs.size() ? "asking " + programs[i + 1] : k_own_kernel));
  }
  return true;
}

} // namespace

Result<int> execute(const BenchOptions& options) {
  const auto limit = parse_duration(options.timeout, "bench: --timeout");
  if (!limit) {
    return limit.error();
  }
  if (*limit == Duration::zero()) {
    return Error{Errc::usage, "bench: --timeout: 0: too short: 2m is the default"};
  }
  BenchReport report;
  if (!options.cpu && !ask_pythons(report, options, *limit)) {
    return k_interrupted_exit;
  }
  if (report.measured.empty()) {
    auto timing = time_own_kernel();
    if (!timing) {
      return timing.error();
    }
    report.measured.push_back({"", 1, *timing, std::nullopt});
  }
  GPUJOB_TRY(options.json ? print_json(bench_document(report)) : print(render_bench(report)));
  return 0;
}

} // namespace gpujob::client
