// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/prune_remote.h"

#include "common/file.h"
#include "daemon/durable/prune.h"
#include "daemon/durable/scan.h"
#include "daemon/durable/sharing.h"
#include "daemon/durable/spool.h"

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

namespace gpujob::durable {

namespace {

/// From here on it does not count.
Result<void> withdraw(const Remote& remote, const std::string& checkpoint) {
  GPUJOB_TRY(remote.remove(checkpoint, {name::k_manifest}));
  const auto doomed = checkpoint + name::k_doomed;
  GPUJOB_TRY(remove_tree(doomed));
  return ::rename(checkpoint.c_str(), doomed.c_str()) == 0 ? Result<void>{}
                                                           : io_error("rename", checkpoint, errno);
}

/// What could not be removed is there still, and goes the next time.
void remove_leftover(const Remote& remote, const std::string& checkpoint, const std::string& mark) {
  const auto there = remote.read_record(checkpoint + "/" + name::k_manifest);
  // One that has its manifest counts: only the word of that never came here.
  if (there || (there.error().code == Errc::not_found && remote.purge(checkpoint))) {
    (void)remove_tree(mark);
  }
}

/// What was withdrawn, and, where `attempt` is the writer's own, uploads `before` that came to
/// no end.
void remove_leftovers(const Remote& remote, const StoredAttempt& attempt, bool own,
                      std::int64_t before) {
  const auto dir = attempt.path + "/" + name::k_checkpoints + "/";
  const auto names = names_in(dir);
  for (const auto& entry : names ? *names : std::vector<std::string>{}) {
    const auto stem = entry.substr(0, entry.find('.'));
    const auto seq = parse_seq(stem);
    const bool unfinished = own && entry == stem + name::k_begun && seq && *seq < before;
    if (seq && (unfinished || entry == stem + name::k_doomed)) {
      remove_leftover(remote, dir + stem, dir + entry);
    }
  }
}

} // namespace

int prune_remote(const Remote& remote, const AttemptKey& writer, std::int64_t seq,
                 std::int64_t keep) {
  Problems ignored;
  const auto job = read_job(remote.spool(), writer.job, ignored);
  int pruned = 0;
  for (const auto* checkpoint : beyond(job, writer, keep)) {
    // A manifest of an older program may share its files.
    const auto referred = is_referred_to(checkpoint->path);
    if (referred && !*referred) {
      if (!withdraw(remote, checkpoint->path)) {
        break;
      }
      ++pruned;
    }
  }
  for (const auto& attempt : job.attempts) {
    if (is_within_reach(attempt.key, writer)) {
      const bool own =
          attempt.key.attempt == writer.attempt && attempt.key.session == writer.session;
      remove_leftovers(remote, attempt, own, seq);
    }
  }
  return pruned;
}

} // namespace gpujob::durable
