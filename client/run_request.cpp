// SPDX-License-Identifier: Apache-2.0
#include "client/run_request.h"

#include "client/environment.h"
#include "client/run_gpus.h"
#include "client/run_option.h"
#include "client/run_routes.h"
#include "common/duration.h"
#include "common/frame.h"
#include "common/id.h"
#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

constexpr std::array<std::string_view, 7> k_signals{"auto", "USR1", "USR2", "TERM",
                                                    "INT",  "URG",  "none"};
constexpr std::array<std::string_view, 4> k_targets{"auto", "leader", "group", "tree"};
/// Larger than what attach shows; holes are punched by the page.
constexpr std::int64_t k_min_log = 64 * 1024;
/// Of the words shown; the rest of a frame is for everything else.
constexpr std::size_t k_shown = 16 * 1024;

template <std::size_t N>
Result<void> check_word(std::string_view option, const std::string& value,
                        const std::array<std::string_view, N>& known) {
  if (std::ranges::find(known, value) == known.end()) {
    return bad_option(option, value,
                      fmt::format("not known: use one of {}", fmt::join(known, ", ")));
  }
  return {};
}

Result<void> check_exits(std::string_view option, const std::vector<int>& codes) {
  for (const int code : codes) {
    if (code < 0 || code > 255) {
      return bad_option(option, std::to_string(code), "not an exit code: use 0 to 255");
    }
  }
  return {};
}

Result<void> check_count(std::string_view option, std::int64_t value, std::int64_t least) {
  if (value < least) {
    return bad_option(option, std::to_string(value),
                      fmt::format("too small: use {} or more", least));
  }
  return {};
}

Result<void> check_numbers(const RunOptions& o) {
  GPUJOB_TRY(check_exits("--checkpoint-exit", o.checkpoint_exit));
  GPUJOB_TRY(check_exits("--requeue-exit", o.requeue_exit));
  GPUJOB_TRY(check_exits("--no-requeue-exit", o.no_requeue_exit));
  GPUJOB_TRY(check_count("--max-interruptions", o.max_interruptions, -1));
  GPUJOB_TRY(check_count("--max-failures", o.max_failures, 0));
  GPUJOB_TRY(check_count("--max-no-progress", o.max_no_progress, 0));
  return check_count("--keep", o.keep, 1);
}

Result<std::vector<std::pair<std::string, std::string>>>
parse_env(const std::vector<std::string>& entries) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& entry : entries) {
    const auto equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return bad_option("--env", entry, "not NAME=VALUE: write --env NAME=VALUE");
    }
    if (entry.starts_with("GPUJOB_") || entry.starts_with("NOTIFY_SOCKET=")) {
      return bad_option("--env", entry.substr(0, equals), "is for gpujob to set: leave it out");
    }
    out.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return out;
}

bool is_program(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string absolute_in(const std::string& cwd, const std::string& path) {
  return path.empty() || path.front() == '/' ? path : cwd + "/" + path;
}

/// What execvp(3) will find with this PATH in this directory.
Result<void> check_program(const std::string& word, std::string_view search,
                           const std::string& cwd) {
  const auto shown = printable(word.substr(0, 200));
  if (word.find('/') != std::string::npos) {
    const auto path = absolute_in(cwd, word);
    if (is_program(path)) {
      return {};
    }
    const bool there = ::access(path.c_str(), F_OK) == 0;
    if (std::filesystem::is_directory(path)) {
      return Error{Errc::refused, fmt::format("run: {}: is a directory: name a program", shown)};
    }
    return Error{Errc::refused,
                 there ? fmt::format("run: {}: not an executable file: make it one (chmod +x), or "
                                     "name its interpreter before it",
                                     shown)
                       : fmt::format("run: {}: not there: check the path", shown)};
  }
  for (std::size_t at = 0; !word.empty() && at <= search.size();) {
    const auto end = std::min(search.find(':', at), search.size());
    const std::string dir(search.substr(at, end - at));
    if (is_program(absolute_in(cwd, (dir.empty() ? "." : dir) + "/" + word))) {
      return {};
    }
    at = end + 1;
  }
  return Error{
      Errc::refused,
      fmt::format("run: {}: not found on PATH: check the spelling, or give its path", shown)};
}

Result<void> check_directory(const std::string& cwd) {
  if (cwd.empty() || ::access(cwd.c_str(), R_OK | X_OK) != 0) {
    return Error{Errc::refused, fmt::format("run: {}: the current directory cannot be read: cd to "
                                            "another",
                                            cwd.empty() ? "." : printable(cwd))};
  }
  return {};
}

/// "sigusr1", "USR1" and "SIGUSR1" are one; "auto" and "none" are no signals.
std::string signal_word(const std::string& text) {
  std::string upper = text;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  if (upper.starts_with("SIG")) {
    upper.erase(0, 3);
  }
  return std::ranges::find(k_signals, upper) == k_signals.end() ? text : upper;
}

Result<JobSpec> make_spec(const RunOptions& o, const std::string& cwd) {
  JobSpec spec;
  spec.name = o.name.value_or("");
  spec.argv = o.command;
  spec.cwd = cwd;
  if (!o.lead.empty()) {
    auto lead = parse_duration(o.lead, "run: --lead");
    if (!lead) {
      return lead.error();
    }
    spec.lead = *lead;
  }
  spec.checkpoint_signal = signal_word(o.checkpoint_signal);
  spec.checkpoint_target = o.checkpoint_target;
  for (const auto& glob : o.checkpoint_path) {
    spec.checkpoint_path.push_back(absolute_in(cwd, glob));
  }
  spec.checkpoint_exit = o.checkpoint_exit;
  spec.checkpoint_cmd = o.checkpoint_cmd;
  for (const auto& path : o.checkpoint_copy) {
    auto absolute = absolute_in(cwd, path);
    absolute.resize(absolute.find_last_not_of('/') + 1);
    spec.checkpoint_copy.push_back(std::move(absolute));
  }
  spec.recipe = o.recipe;
  spec.requeue_exit = o.requeue_exit;
  spec.no_requeue_exit = o.no_requeue_exit;
  spec.resume_arg = o.resume_arg;
  spec.done_when = absolute_in(cwd, o.done_when);
  spec.max_interruptions = o.max_interruptions;
  spec.max_failures = o.max_failures;
  spec.max_no_progress = o.max_no_progress;
  spec.keep = std::min(o.keep, k_most_kept);
  GPUJOB_TRY(read_gpu_options(o, spec));
  spec.keep_tree = o.keep_tree;
  spec.wandb = o.wandb;
  if (!o.log_max.empty()) {
    auto size = parse_size(o.log_max, "run: --log-max");
    if (!size) {
      return size.error();
    }
    spec.log_max_bytes = *size;
  }
  return spec;
}

Result<void> check_options(const RunOptions& o, const JobSpec& spec) {
  if (o.command.empty() || o.command.front().empty()) {
    return Error{Errc::usage, "run: COMMAND: missing: write gpujob run --name NAME -- COMMAND ARG"};
  }
  if (o.name) {
    GPUJOB_TRY(check_job_name(*o.name));
  }
  GPUJOB_TRY(check_word("--checkpoint-signal", spec.checkpoint_signal, k_signals));
  GPUJOB_TRY(check_word("--checkpoint-target", spec.checkpoint_target, k_targets));
  GPUJOB_TRY(check_routes(spec));
  GPUJOB_TRY(check_numbers(o));
  return check_count("--log-max", spec.log_max_bytes, k_min_log);
}

/// Keeps the first words up to k_shown as they stand in JSON, and a sign of what is cut.
void cut(std::vector<std::string>& words) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    total += json::dump(json::from_bytes(words[i])).size() + 1;
    if (total > k_shown) {
      words.resize(i);
      words.emplace_back("…");
      return;
    }
  }
}

} // namespace

Result<std::int64_t> parse_size(const std::string& text, const std::string& what) {
  constexpr std::string_view k_units = "kMGT";
  const auto bad = Error{Errc::usage, fmt::format("{}: '{}': not a size: write it like 500M or "
                                                  "1GiB",
                                                  what, printable(text.substr(0, 60)))};
  double value = 0;
  const auto [end, ec] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  std::string unit(end, text.data() + text.size());
  if (ec != std::errc{} || !std::isfinite(value) || value < 0 || unit.size() > 3) {
    return bad;
  }
  const bool binary = unit.ends_with("iB");
  unit.resize(unit.size() - (binary ? 2 : unit.ends_with('B') ? 1 : 0));
  if (unit == "K") {
    unit = "k";
  }
  const auto at = unit.empty() ? 0 : k_units.find(unit);
  if (unit.size() > 1 || at == std::string_view::npos || (unit.empty() && binary)) {
    return bad;
  }
  const auto power = unit.empty() ? 0 : at + 1;
  const double bytes = value * std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power));
  return bytes < 1e18 ? Result<std::int64_t>(std::llround(bytes)) : Result<std::int64_t>(bad);
}

void fit_into_frame(JobSpec& spec) {
  if (json::dump(to_json(spec)).size() > k_max_frame * 3 / 4) {
    cut(spec.argv);
    cut(spec.env_names);
  }
}

Result<RunRequest> make_run_request(const RunOptions& o,
                                    const std::vector<std::string>& environment,
                                    const std::string& cwd) {
  auto env_set = parse_env(o.env);
  if (!env_set) {
    return env_set.error();
  }
  auto spec = make_spec(o, cwd);
  if (!spec) {
    return spec.error();
  }
  GPUJOB_TRY(check_options(o, *spec));
  auto kept = without_job_variables(environment);
  auto complete = with_values(kept, *env_set);
  GPUJOB_TRY(check_directory(cwd));
  GPUJOB_TRY(check_program(o.command.front(), value_of(complete, "PATH"), cwd));
  spec->env_set = std::move(*env_set);
  for (const auto& entry : kept) {
    if (std::ranges::find(spec->env_set, name_of(entry),
                          &std::pair<std::string, std::string>::first) == spec->env_set.end()) {
      spec->env_names.emplace_back(name_of(entry));
    }
  }
  fit_into_frame(*spec);
  return RunRequest{std::move(*spec), {o.command, cwd, std::move(complete)}};
}

} // namespace gpujob::client
