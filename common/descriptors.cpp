// SPDX-License-Identifier: Apache-2.0
#include "common/descriptors.h"

#include <algorithm>
#include <sys/resource.h>

namespace gpujob {

namespace {

/// Some containers have a hard limit of a thousand millions; the kernel's own default is this.
constexpr rlim_t k_most = 1U << 20U;

/// A limit belongs to the process, and so does what it was.
rlimit g_before{0, 0}; // NOLINT: written once, before the loop runs

/// A daemon that rests has 20; a running job needs three.
constexpr std::size_t k_least_rest = 64;

std::size_t limit() {
  rlimit now{};
  return ::getrlimit(RLIMIT_NOFILE, &now) == 0 ? std::min(now.rlim_cur, k_most) : 1024;
}

} // namespace

void raise_descriptor_limit() {
  rlimit now{};
  if (::getrlimit(RLIMIT_NOFILE, &now) != 0) {
    return;
  }
  rlimit raised = now;
  raised.rlim_cur = std::max(now.rlim_cur, std::min(now.rlim_max, k_most));
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) {
    g_before = now;
  }
}

void restore_descriptor_limit() {
  if (g_before.rlim_max != 0) {
    ::setrlimit(RLIMIT_NOFILE, &g_before);
  }
}

std::size_t descriptors_for_jobs() {
  const auto kept = std::max(limit() / 8, k_least_rest) + descriptors_for_clients();
  return limit() > kept ? limit() - kept : 1;
}

std::size_t descriptors_for_clients() {
  return limit() / 8;
}

} // namespace gpujob
