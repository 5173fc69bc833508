// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Reading /proc. A process may vanish at any moment: nullopt means gone or not readable.
namespace gpujob::proc {

/// The parts of /proc/PID/stat we use. The addresses stay the same over fork and change with exec
/// (address space randomisation), so they tell whether a child has exec'd; 0 when not permitted.
struct Stat {
  int pid = 0;
  std::string comm;
  char state = '?';
  int ppid = 0;
  int pgrp = 0;
  int session = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t start_code = 0, start_stack = 0, arg_start = 0;
};

std::optional<Stat> read_stat(int pid);
/// Parses the text of a stat file; comm may hold spaces and parentheses.
std::optional<Stat> parse_stat(std::string_view text);

/// Every process now in /proc, in no order.
std::vector<Stat> read_all();

/// Every process below `root`, by the lists of children the kernel keeps, so that the cost does not
/// follow how many strangers there are. Like any look at /proc it may miss who is forked meanwhile.
/// nullopt: this kernel has no such lists (CONFIG_PROC_CHILDREN); then read_all() is the way.
std::optional<std::vector<Stat>> read_below(int root);

/// Bit n-1 set: signal n has a handler (SigCgt in /proc/PID/status).
std::optional<std::uint64_t> read_caught_signals(int pid);

/// Entries "NAME=value" of the environment the process was exec'd with.
std::optional<std::vector<std::string>> read_environ(int pid);

/// Clock ticks since boot at which the process started, as a duration on CLOCK_BOOTTIME.
std::int64_t ticks_to_ns(std::uint64_t ticks);

/// pidfd_open(2), then the start time checked again: never another process with a reused pid.
/// No Fd when it is gone or is another.
Fd open_pidfd(int pid, std::uint64_t start_ticks);

/// pidfd_send_signal(2); false when it is gone.
bool send_signal(const Fd& pidfd, int signal);

} // namespace gpujob::proc
