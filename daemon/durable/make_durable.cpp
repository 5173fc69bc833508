// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/make_durable.h"

#include "daemon/durable/copy.h"
#include "daemon/durable/mirror.h"
#include "daemon/durable/open.h"
#include "daemon/durable/owed.h"
#include "daemon/durable/prune.h"
#include "daemon/durable/scan.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace gpujob::durable {

namespace {

StoredJob read_own_job(const SecureRequest& q) {
  Problems ignored;
  return read_job(q.dir, q.key.job, ignored);
}

/// A job that saves again before the first one is copied has two words on the same bytes: the later
/// step is the one that they hold.
void keep_later_step(const SecureRequest& q, const StoredCheckpoint& stored) {
  auto m = stored.manifest;
  const bool own = m.attempt == q.key.attempt && m.session == q.key.session;
  if (own && q.step && m.step.value_or(-1) < *q.step) {
    m.step = q.step;
    (void)put_file(q.dir, stored.path + "/" + name::k_manifest, encode(m));
  }
}

/// The newest checkpoint of the job, when it is this very one, to the last byte.
std::string find_same(const SecureRequest& q, const Manifest& m) {
  const auto job = read_own_job(q);
  for (auto attempt = job.attempts.rbegin(); attempt != job.attempts.rend(); ++attempt) {
    if (!attempt->checkpoints.empty()) {
      const auto& newest = attempt->checkpoints.back();
      const bool same = same_content(newest.manifest, m) &&
                        verify_files(newest.manifest, FilesAt::stored(newest.path)).has_value();
      if (same) {
        keep_later_step(q, newest);
      }
      return same ? newest.path : std::string();
    }
  }
  return {};
}

/// What a new checkpoint may share: what is within reach, oldest first, but for `doomed`, which are
/// the oldest of them.
std::vector<const StoredCheckpoint*> to_share(const StoredJob& job, const AttemptKey& writer,
                                              std::size_t doomed = 0) {
  std::vector<const StoredCheckpoint*> out;
  for (const auto& attempt : job.attempts) {
    for (const auto& checkpoint : attempt.checkpoints) {
      if (is_within_reach(attempt.key, writer)) {
        out.push_back(&checkpoint);
      }
    }
  }
  out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(std::min(doomed, out.size())));
  return out;
}

/// One checkpoint on its way into the durable directory.
class Storing {
public:
  Storing(const SecureRequest& q, const Manifest& m, EarlyCopy& early, Secured& out)
      : m_q(q), m_manifest(m), m_early(early), m_out(out), m_space(q.dir, q.cap) {
    (void)m_early.wait();
    m_moved.written = m_early.bytes();
  }

  /// Refuses what cannot fit, after what may go has gone.
  Result<void> make_room() {
    for (auto keep = m_q.keep; keep >= 1 && !fits(); --keep) {
      // Beyond `keep` they go in any case; below it only where that is enough, and never down to
      // one that has rotted.
      if (keep == m_q.keep || is_worth_pruning(keep)) {
        remove_beyond(keep);
      }
    }
    return fits() ? Result<void>{} : m_space.refusal(needed(), m_moved, m_out.pruned);
  }

  Result<std::string> copy() {
    auto done = mirror_once(true);
    if (done.is_full && newest_is_good(read_own_job(m_q)) && remove_beyond(1) > 0) {
      done = mirror_once(true); // the best there is stays, what is older makes room
    }
    if (done.lost_shared) {
      done = mirror_once(false);
    }
    return std::move(done.path);
  }

  int remove_beyond(std::int64_t keep) {
    const auto pruned = prune(m_q.dir, m_q.key, m_q.seq, keep);
    m_out.pruned += pruned.checkpoints;
    m_moved.freed += pruned.bytes;
    return pruned.checkpoints;
  }

private:
  [[nodiscard]] std::uint64_t needed() const {
    const auto job = read_own_job(m_q);
    return share(m_manifest, to_share(job, m_q.key)).needed();
  }

  [[nodiscard]] bool fits() const {
    const auto left = m_space.left(m_moved);
    return !left || needed() <= *left;
  }

  [[nodiscard]] bool is_worth_pruning(std::int64_t keep) const {
    const auto job = read_own_job(m_q);
    const auto doomed = beyond(job, m_q.key, keep);
    const auto needed_then = share(m_manifest, to_share(job, m_q.key, doomed.size())).needed();
    const auto left = m_space.left(m_moved).value_or(0);
    return needed_then <= left + bytes_only_in(doomed, job) && newest_is_good(job);
  }

  /// Of those that may go: when it alone is kept, it must be worth it.
  [[nodiscard]] bool newest_is_good(const StoredJob& job) const {
    const auto stored = to_share(job, m_q.key);
    return !stored.empty() &&
           verify_files(stored.back()->manifest, FilesAt::stored(stored.back()->path)).has_value();
  }

  /// Once: nothing of a copy that failed stays.
  const Paths* take_early() {
    const bool has = !m_early.wait().empty() && !std::exchange(m_early_taken, true);
    if (has) {
      m_early.hand_over();
      m_moved.written = 0;
    }
    return has ? &m_early.wait() : nullptr;
  }

  Mirrored mirror_once(bool may_share) {
    const auto job = read_own_job(m_q);
    const auto sharing = may_share ? share_proven(m_q.dir, m_manifest, to_share(job, m_q.key))
                                   : share_nothing(m_manifest);
    auto done = mirror(m_q.dir, sharing, m_began, take_early(), m_q.progress);
    m_out.shared = done.path ? m_manifest.bytes() - sharing.needed() : 0;
    return done;
  }

  const SecureRequest& m_q;
  const Manifest& m_manifest;
  EarlyCopy& m_early;
  Secured& m_out;
  Space m_space;
  Moved m_moved{};
  bool m_early_taken = false;
  std::chrono::steady_clock::time_point m_began = std::chrono::steady_clock::now();
};

} // namespace

Result<std::string> make_durable(const SecureRequest& q, const Manifest& m, EarlyCopy& early,
                                 Secured& out) {
  GPUJOB_TRY(check_durable(q.dir, read_mounts()));
  if (auto same = find_same(q, m); !same.empty()) {
    GPUJOB_TRY(write_owed(q, nullptr, out));
    out.shared = m.bytes();
    return same;
  }
  Storing storing(q, m, early, out);
  GPUJOB_TRY(storing.make_room());
  GPUJOB_TRY(write_owed(q, nullptr, out));
  auto stored = storing.copy();
  if (stored) {
    storing.remove_beyond(q.keep);
  }
  return stored;
}

} // namespace gpujob::durable
