// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/background.h"

#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

/// Half of the way down: a third of the processor beside one job that takes all it gets.
constexpr int k_nicer = 5;
constexpr int k_lowest_level = 7;

} // namespace

void give_way() {
  (void)!::nice(k_nicer);
  // Of this thread; those that it starts have the same.
  (void)::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
                  IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, k_lowest_level));
}

} // namespace gpujob::durable
