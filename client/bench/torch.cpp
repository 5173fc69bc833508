// SPDX-License-Identifier: Apache-2.0
#include "client/bench/torch.h"

#include "client/bench/program.h"
#include "client/bench/torch_script.h"
#include "client/environment.h"
#include "common/duration.h"
#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gpujob::client {

namespace {

using json::Json;

constexpr const char* k_system_python = "/usr/bin/python3";
/// Beyond these nobody measured it. The largest machines have 16 GPUs.
constexpr double k_least_s = 1e-9;
constexpr double k_most_s = 1e6;
constexpr int k_most_count = 1'000'000;
constexpr std::size_t k_most_gpus = 64;
constexpr std::size_t k_most_reason = 200;

Error reason(std::string text) {
  return {Errc::bad_data, std::move(text)};
}

/// One line of it, that a note can hold.
std::string short_line(std::string_view text) {
  text = trim(text);
  return printable(trim(text.substr(0, std::min(text.find('\n'), k_most_reason))));
}

std::string_view last_line(std::string_view text) {
  text = trim(text);
  const auto at = text.rfind('\n');
  return at == std::string_view::npos ? text : text.substr(at + 1);
}

double seconds(json::Reader& reader, const char* key) {
  const auto value = reader.maybe_number(key);
  if (!value || *value < k_least_s || *value > k_most_s) {
    reader.fail(key, "is no time that it can have taken");
    return k_least_s;
  }
  return *value;
}

Measured read_measured(json::Reader& reader) {
  Measured m;
  m.timing.best_s = seconds(reader, "best_s");
  m.timing.median_s = seconds(reader, "median_s");
  m.timing.runs = static_cast<int>(reader.integer_in("runs", 1, k_most_count));
  return m;
}

Result<Measured> read_cpu(const Json& document) {
  json::Reader reader(document, "cpu");
  auto m = read_measured(reader);
  m.threads = static_cast<int>(reader.integer_in("threads", 1, k_most_count));
  return reader.ok() ? Result<Measured>(std::move(m)) : Result<Measured>(reader.error());
}

Result<void> read_gpu(const Json& document, TorchAnswer& into) {
  json::Reader reader(document, "gpu");
  auto name = short_line(reader.text("name"));
  if (name.empty()) {
    name = "GPU"; // an empty one is the CPU's
  }
  if (reader.find("failed") != nullptr) {
    into.failed.push_back(name + ": " + short_line(reader.text("failed")));
  } else {
    auto m = read_measured(reader);
    m.gpu = name;
    m.launch_s = seconds(reader, "launch_s");
    into.measured.push_back(std::move(m));
  }
  return reader.ok() ? Result<void>() : Result<void>(reader.error());
}

/// The document of a Python that has PyTorch.
Result<TorchAnswer> read_measurements(json::Reader& reader) {
  TorchAnswer answer;
  answer.version = short_line(reader.text("torch"));
  const auto* cpu = reader.find("cpu");
  const auto* gpus = reader.find("gpus");
  if (!reader.ok()) {
    return reader.error();
  }
  if (cpu == nullptr || gpus == nullptr || !gpus->is_array() || gpus->size() > k_most_gpus) {
    return reason("cpu or gpus is missing");
  }
  auto measured = read_cpu(*cpu);
  if (!measured) {
    return measured.error();
  }
  answer.measured.push_back(std::move(*measured));
  for (const auto& gpu : *gpus) {
    GPUJOB_TRY(read_gpu(gpu, answer));
  }
  return answer;
}

Error not_understood(std::string_view why) {
  return reason(fmt::format("its answer is not understood ({})", why));
}

Error ended_badly(const ProgramRun& run) {
  const auto said = short_line(last_line(run.complaints));
  return reason(fmt::format("it ended with exit code {}{}", run.code,
                            said.empty() ? std::string() : " (" + said + ")"));
}

Result<TorchAnswer> read_run(const ProgramRun& run, Duration limit) {
  switch (run.end) {
  case ProgramRun::End::exited:
    return run.code == 0 ? read_torch_answer(run.output) : Result<TorchAnswer>(ended_badly(run));
  case ProgramRun::End::too_slow:
    return reason(fmt::format("no answer in {} (--timeout)", format_duration(limit)));
  case ProgramRun::End::too_much:
    return reason("it says too much to be an answer");
  case ProgramRun::End::interrupted:
    break;
  }
  return reason("interrupted");
}

bool is_same_program(const std::string& a, const std::string& b) {
  std::error_code ignored;
  return std::filesystem::equivalent(a, b, ignored);
}

} // namespace

Result<TorchAnswer> read_torch_answer(std::string_view output) {
  const auto line = last_line(output);
  if (line.empty()) {
    return reason("it says nothing");
  }
  const auto document = json::parse(line, "it");
  if (!document) {
    return not_understood(document.error().text);
  }
  json::Reader reader(*document, "it");
  if (reader.find("no_torch") != nullptr) {
    const auto why = short_line(reader.text_or("no_torch", ""));
    return reason(why.empty() ? "has no PyTorch" : "its PyTorch does not load (" + why + ")");
  }
  auto answer = read_measurements(reader);
  return answer ? std::move(answer) : Result<TorchAnswer>(not_understood(answer.error().text));
}

TorchTry ask_torch(const std::string& python, Duration limit) {
  const auto run = run_program(python, {"-c", k_torch_script}, limit);
  if (!run) {
    return {false, reason("cannot be started (" + run.error().text + ")")};
  }
  return {run->end == ProgramRun::End::interrupted, read_run(*run, limit)};
}

std::vector<std::string> pythons(const std::string& wanted,
                                 const std::vector<std::string>& environment) {
  if (wanted.find('/') != std::string::npos) {
    return {wanted};
  }
  std::vector<std::string> found;
  const auto name = wanted.empty() ? std::string("python3") : wanted;
  for (const auto& dir : path_dirs(environment)) {
    const auto candidate = dir + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate)) {
      found.push_back(candidate);
      break;
    }
  }
  if (wanted.empty() && ::access(k_system_python, X_OK) == 0 &&
      (found.empty() || !is_same_program(found.front(), k_system_python))) {
    found.emplace_back(k_system_python);
  }
  return found;
}

} // namespace gpujob::client
