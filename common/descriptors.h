// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// How many files this process may have open. A job that has not ended is one descriptor of the
/// daemon, its command line; so are a client, and what a running job is followed by.
namespace gpujob {

/// Raises the soft limit to the hard one: 1024 is what most systems give, and a queue may be
/// longer.
void raise_descriptor_limit();

/// Between fork and exec: gives the limit back that was there before. What is started may use
/// select(2), which cannot take more. Async-signal-safe.
void restore_descriptor_limit();

/// How many of them jobs that have not ended and clients may take. The rest is for the work itself
/// (links to running jobs, helpers, the database): where that runs short, what runs is lost.
std::size_t descriptors_for_jobs();
std::size_t descriptors_for_clients();

} // namespace gpujob
