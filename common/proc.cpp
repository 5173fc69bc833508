// SPDX-License-Identifier: Apache-2.0
#include "common/proc.h"

#include "common/file.h"
#include "common/text.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <dirent.h>
#include <fmt/format.h>
#include <memory>
#include <poll.h>
#include <set>
#include <sys/syscall.h>
#include <unistd.h>

namespace gpujob::proc {

namespace {

constexpr std::size_t k_most = 16U << 20U; // a list of children may be long

/// Descriptors may be short for a moment, on the whole system too, and who is not seen is neither
/// asked to save nor ended. A process that is gone is no such case.
constexpr int k_tries = 4;
constexpr int k_pause_ms = 5;

template <typename Try, typename Worth>
auto insist(Try attempt, Worth worth_another) {
  auto got = attempt();
  for (int i = 1; i < k_tries && !got && worth_another(got); ++i) {
    ::poll(nullptr, 0, k_pause_ms);
    got = attempt();
  }
  return got;
}

/// A file of one process; the small ones that everybody may read.
Result<std::string> read_of(int pid, const char* file) {
  const auto path = fmt::format("/proc/{}/{}", pid, file);
  return insist([&] { return read_file(path, k_most); },
                [&](const auto& got) {
                  return got.error().code != Errc::not_found && ::access(path.c_str(), R_OK) == 0;
                });
}

/// The entries of a directory that are numbers: processes of /proc, threads of a task directory.
std::optional<std::vector<int>> list_numbers(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), &::closedir);
  if (!dir) {
    return std::nullopt;
  }
  std::vector<int> numbers;
  errno = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (const auto number = parse_int(entry->d_name)) {
      numbers.push_back(static_cast<int>(*number));
    }
    errno = 0;
  }
  return errno == 0 ? std::optional(std::move(numbers)) : std::nullopt;
}

/// None of one that is gone.
std::vector<int> numbers_in(const std::string& path) {
  auto numbers = insist([&] { return list_numbers(path); },
                        [&](const auto&) { return ::access(path.c_str(), F_OK) == 0; });
  return numbers ? std::move(*numbers) : std::vector<int>{};
}

/// Those whom this thread has forked, or was given when their parent ended; nullopt: not readable.
std::optional<std::vector<int>> read_children(int pid, int thread) {
  const auto text = read_of(pid, fmt::format("task/{}/children", thread).c_str());
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

bool is_short(int saved_errno) {
  return saved_errno == EMFILE || saved_errno == ENFILE || saved_errno == ENOMEM;
}

} // namespace

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
  const auto text = read_of(pid, "stat");
  return text ? parse_stat(*text) : std::nullopt;
}

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
  const auto text = read_of(pid, "status");
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
  auto fd = insist([&] { return Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}; },
                   [](const Fd&) { return is_short(errno); });
  const auto stat = fd ? read_stat(pid) : std::nullopt;
  return stat && stat->start_ticks == start_ticks ? std::move(fd) : Fd{};
}

bool send_signal(const Fd& pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

} // namespace gpujob::proc
