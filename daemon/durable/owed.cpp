// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/owed.h"

#include "daemon/durable/scan.h"

#include <algorithm>

namespace gpujob::durable {

namespace {

bool has_record(const SecureRequest& q) {
  Problems ignored;
  const auto job = read_job(q.dir, q.key.job, ignored);
  return std::ranges::any_of(job.attempts,
                             [](const StoredAttempt& a) { return a.begin.has_value(); });
}

Result<void> write(const SecureRequest& q, const Remote* remote) {
  const auto& [key, begin] = *q.owed;
  GPUJOB_TRY(write_begin(q.dir, key, begin));
  return remote == nullptr ? Result<void>{}
                           : remote->push_record(attempt_dir(q.dir, key) + "/" + name::k_spec);
}

} // namespace

Result<void> write_owed(const SecureRequest& q, const Remote* remote, Secured& out) {
  if (!q.owed) {
    return {};
  }
  const auto written = write(q, remote);
  out.begun = written ? std::optional(q.owed->key.attempt) : std::nullopt;
  // What stands in a spool may not be on its remote.
  if (written || (remote == nullptr && has_record(q))) {
    return {};
  }
  return Error{Errc::io, written.error().text}; // whatever it is, the checkpoint is what it was
}

} // namespace gpujob::durable
