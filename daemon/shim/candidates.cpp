// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/candidates.h"

#include "common/file.h"
#include "common/signals.h"
#include "common/text.h"
#include "daemon/shim/child.h"
#include "daemon/shim/tree.h"

#include <algorithm>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <string>
#include <unistd.h>

namespace gpujob::shim {

namespace {

std::string read_command(int pid) {
  // The start of it is enough to compare and to name torchrun.
  auto fd = open_file(fmt::format("/proc/{}/cmdline", pid), O_RDONLY);
  std::string text(fd ? 4096 : 0, '\0');
  const ssize_t n = fd ? ::read(fd->get(), text.data(), text.size()) : 0;
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

std::string read_exe(int pid) {
  char target[PATH_MAX];
  const ssize_t n = ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), target, sizeof target);
  return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : std::string();
}

/// exec chooses new random addresses, fork keeps them. arg_start is left out: a process that sets
/// its title may move it.
bool same_image(const proc::Stat& child, const proc::Stat& parent) {
  if (child.start_stack != 0 && parent.start_stack != 0) {
    return child.start_stack == parent.start_stack && child.start_code == parent.start_code;
  }
  return read_exe(child.pid) == read_exe(parent.pid) &&
         read_command(child.pid) == read_command(parent.pid);
}

bool names_torch_agent(const std::vector<std::string>& words) {
  const auto names_it = [](const std::string& word) {
    return word.ends_with("/torchrun") || word == "torchrun" || word == "torch.distributed.run" ||
           word == "torch.distributed.launch";
  };
  // "torchrun", "python /usr/bin/torchrun", "python -u -m torch.distributed.run"
  const auto end = words.begin() + static_cast<long>(std::min<std::size_t>(words.size(), 4));
  return std::any_of(words.begin(), end, names_it);
}

std::optional<std::string> value_in(int pid, std::string_view name) {
  const auto environ = proc::read_environ(pid);
  return environ ? env_value(*environ, name) : std::nullopt;
}

/// Whoever started it (accelerate, a script): its children are told of a run that it is not in.
bool has_torch_workers(int pid, const std::vector<proc::Stat>& members) {
  constexpr std::string_view k_run = "TORCHELASTIC_RUN_ID";
  return std::any_of(members.begin(), members.end(),
                     [&](const auto& m) { return m.ppid == pid && value_in(m.pid, k_run); }) &&
         !value_in(pid, k_run);
}

/// "SIGTERM,SIGUSR1" of its environment, as bits; what torchrun handles without being told is none
/// of it.
std::uint64_t passed_on(int pid) {
  std::uint64_t bits = 0;
  const auto names = value_in(pid, "TORCHELASTIC_SIGNALS_TO_HANDLE").value_or("");
  for (const auto& name : split(names, ',')) {
    if (const auto number = signal_number(trim(name)); number && *number >= 1 && *number <= 64) {
      bits |= std::uint64_t{1} << static_cast<unsigned>(*number - 1);
    }
  }
  return bits;
}

bool may_be_asked(std::uint64_t caught) {
  constexpr int k_signals[] = {SIGUSR1, SIGUSR2, SIGTERM};
  return std::any_of(std::begin(k_signals), std::end(k_signals), [caught](int signal) {
    return ((caught >> static_cast<unsigned>(signal - 1)) & 1U) != 0;
  });
}

} // namespace

std::vector<Candidate> read_candidates(const std::vector<proc::Stat>& members) {
  std::map<int, const proc::Stat*> by_pid;
  for (const auto& member : members) {
    by_pid.emplace(member.pid, &member);
  }
  std::vector<Candidate> out;
  for (const auto& member : members) {
    const auto caught = proc::read_caught_signals(member.pid);
    if (!caught) {
      continue;
    }
    const auto parent = by_pid.find(member.ppid);
    const bool forked = parent != by_pid.end() && same_image(member, *parent->second);
    Candidate c;
    c.stat = member;
    c.caught = *caught;
    c.same_image_as_parent = forked;
    if (may_be_asked(*caught)) {
      c.argv = split(read_command(member.pid), '\0');
      c.torch_agent = names_torch_agent(c.argv) || has_torch_workers(member.pid, members);
      c.passes_on = c.torch_agent ? passed_on(member.pid) : 0;
    }
    out.push_back(std::move(c));
  }
  return out;
}

std::vector<int> signal_catchers(const std::vector<proc::Stat>& targets, int signal) {
  std::vector<int> signalled;
  signalled.reserve(targets.size()); // nothing throws between a signal and the word about it
  for (const auto& target : targets) {
    signal_process(target, SIGCONT);
    const auto caught = proc::read_caught_signals(target.pid).value_or(0);
    const bool still = ((caught >> static_cast<unsigned>(signal - 1)) & 1U) != 0;
    if (still && signal_process(target, signal)) {
      signalled.push_back(target.pid);
    }
  }
  return signalled;
}

} // namespace gpujob::shim
