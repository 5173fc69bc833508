// SPDX-License-Identifier: Apache-2.0
#include "common/proc.h"

#include "common/file.h"
#include "common/text.h"

#include <charconv>
#include <cstdlib>
#include <dirent.h>
#include <fmt/format.h>
#include <memory>
#include <set>
#include <sys/syscall.h>
#include <unistd.h>

namespace gpujob::proc {

std::optional<Stat> parse_stat(std::string_view text) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
      close + 2 >= text.size()) {
    return std::nullopt;
  }
  Stat s;
  const auto pid = parse_int(trim(text.substr(0, open)));
  s.comm = std::string(text.substr(open + 1, close - open - 1));
  // Field numbers of proc(5), from 3 ("state") on.
  const auto fields = split(trim(text.substr(close + 2)), ' ');
  if (!pid || fields.size() < 46) {
    return std::nullopt;
  }
  const auto number = [&](std::size_t field) {
    std::uint64_t value = 0;
    const auto& f = fields[field - 3];
    std::from_chars(f.data(), f.data() + f.size(), value);
    return value;
  };
  s.pid = static_cast<int>(*pid);
  s.state = fields[0].empty() ? '?' : fields[0][0];
  s.ppid = static_cast<int>(number(4));
  s.pgrp = static_cast<int>(number(5));
  s.session = static_cast<int>(number(6));
  s.start_ticks = number(22);
  s.start_code = number(26);
  s.start_stack = number(28);
  s.arg_start = number(48);
  return s;
}

std::optional<Stat> read_stat(int pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 16384);
  return text ? parse_stat(*text) : std::nullopt;
}

namespace {

/// The entries of a directory that are numbers: processes of /proc, threads of a task directory.
std::vector<int> numbers_in(const std::string& path) {
  std::vector<int> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), &::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    if (const auto number = parse_int(entry->d_name)) {
      numbers.push_back(static_cast<int>(*number));
    }
  }
  return numbers;
}

/// Those whom this thread has forked, or was given when their parent ended; nullopt: not readable.
std::optional<std::vector<int>> read_children(int pid, int thread) {
  const auto text = read_file(fmt::format("/proc/{}/task/{}/children", pid, thread), 16U << 20U);
  if (!text) {
    return std::nullopt;
  }
  std::vector<int> children;
  for (const auto& word : split(*text, ' ')) {
    if (const auto pid_of_child = parse_int(word)) {
      children.push_back(static_cast<int>(*pid_of_child));
    }
  }
  return children;
}

} // namespace

std::vector<Stat> read_all() {
  std::vector<Stat> all;
  for (const int pid : numbers_in("/proc")) {
    if (auto stat = read_stat(pid)) {
      all.push_back(std::move(*stat));
    }
  }
  return all;
}

std::optional<std::vector<Stat>> read_below(int root) {
  if (!read_children(root, root)) {
    return std::nullopt;
  }
  std::vector<Stat> found;
  std::set<int> seen{root}; // a pid reused meanwhile could make a circle
  std::vector<int> open{root};
  while (!open.empty()) {
    const int parent = open.back();
    open.pop_back();
    for (const int thread : numbers_in(fmt::format("/proc/{}/task", parent))) {
      for (const int pid : read_children(parent, thread).value_or(std::vector<int>{})) {
        auto stat = seen.insert(pid).second ? read_stat(pid) : std::nullopt;
        if (stat) {
          open.push_back(pid);
          found.push_back(std::move(*stat));
        }
      }
    }
  }
  return found;
}

std::optional<std::uint64_t> read_caught_signals(int pid) {
  const auto text = read_file(fmt::format("/proc/{}/status", pid), 65536);
  if (!text) {
    return std::nullopt;
  }
  constexpr std::string_view k_key = "\nSigCgt:";
  const auto at = text->find(k_key);
  if (at == std::string::npos) {
    return std::nullopt;
  }
  auto rest = std::string_view(*text).substr(at + k_key.size());
  rest = trim(rest.substr(0, rest.find('\n')));
  std::uint64_t bits = 0;
  const auto [end, ec] = std::from_chars(rest.data(), rest.data() + rest.size(), bits, 16);
  return ec == std::errc{} ? std::optional(bits) : std::nullopt;
}

std::optional<std::vector<std::string>> read_environ(int pid) {
  const auto text = read_file(fmt::format("/proc/{}/environ", pid), 64U << 20U);
  if (!text) {
    return std::nullopt;
  }
  return split(*text, '\0');
}

std::int64_t ticks_to_ns(std::uint64_t ticks) {
  const long per_second = ::sysconf(_SC_CLK_TCK);
  return static_cast<std::int64_t>(ticks) * (1000000000 / (per_second > 0 ? per_second : 100));
}

Fd open_pidfd(int pid, std::uint64_t start_ticks) {
  Fd fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  const auto stat = fd ? read_stat(pid) : std::nullopt;
  return stat && stat->start_ticks == start_ticks ? std::move(fd) : Fd{};
}

bool send_signal(const Fd& pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

} // namespace gpujob::proc
