// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/result.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace gpujob::process {

/// A program to start. The three descriptors become its 0, 1 and 2; -1 is /dev/null. They stay the
/// caller's. Nothing else is inherited.
struct Program {
  std::string exe; ///< absolute
  std::vector<std::string> args;
  int in = -1, out = -1, err = -1;
};

struct Started {
  pid_t pid = 0;
  Fd pidfd; ///< readable when it has ended; reap() it then
};

/// Starts it in a session of its own, with default signal dispositions and an empty mask. A failed
/// exec is an error here. The only place that knows Boost.Process.
Result<Started> start(const Program& program);

/// waitid(P_PIDFD): frees the ended child. A process that is not our child is none of our business.
void reap(const Fd& pidfd);

} // namespace gpujob::process
