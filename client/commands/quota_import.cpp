// SPDX-License-Identifier: Apache-2.0
#include "client/bench/program.h"
#include "client/commands/commands.h"
#include "client/commands/say.h"
#include "client/environment.h"
#include "client/kaggle_quota.h"
#include "common/file.h"
#include "common/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gpujob::client {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t k_most = std::size_t{64} * 1024;

std::optional<std::string> find_program(const std::string& name) {
  for (const auto& dir : path_dirs(own_environment())) {
    if (const auto path = dir + "/" + name; ::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return std::nullopt;
}

Result<std::string> read_stdin() {
  std::string text;
  char chunk[4096];
  for (ssize_t n = 0; (n = ::read(STDIN_FILENO, chunk, sizeof chunk)) > 0;) {
    text.append(chunk, static_cast<std::size_t>(n));
    if (text.size() > k_most) {
      return Error{Errc::bad_data, "quota import: stdin: is longer than 64 KiB"};
    }
  }
  return text;
}

/// The official tool; -v is its option for CSV.
Result<std::string> ask_kaggle() {
  const auto program = find_program("kaggle");
  if (!program) {
    return Error{Errc::not_found,
                 "quota import: kaggle: is not on PATH: pip install kaggle, or give "
                 "a file of what `kaggle quota -v` prints"};
  }
  const auto run = run_program(*program, {"quota", "-v"}, 60s);
  if (!run) {
    return run.error();
  }
  if (run->end != ProgramRun::End::exited || run->code != 0) {
    return Error{Errc::io, fmt::format("quota import: {} quota -v: {}", printable(*program),
                                       run->end == ProgramRun::End::exited
                                           ? fmt::format("exit {}: {}", run->code,
                                                         printable(trim(run->complaints)))
                                           : std::string("did not end in time, or said too much"))};
  }
  return run->output;
}

} // namespace

Result<int> execute(const QuotaImportOptions& options) {
  const auto text = options.file.empty()  ? ask_kaggle()
                    : options.file == "-" ? read_stdin()
                                          : read_file(options.file, k_most);
  if (!text) {
    return text.error();
  }
  auto entries = read_kaggle_quota(*text);
  if (!entries) {
    return entries.error();
  }
  return say(std::move(*entries), "kaggle quota", options.json);
}

} // namespace gpujob::client
