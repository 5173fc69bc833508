// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/make_remote.h"

#include "common/crash_point.h"
#include "common/file.h"
#include "common/tree.h"
#include "daemon/durable/hashing.h"
#include "daemon/durable/owed.h"
#include "daemon/durable/progress.h"
#include "daemon/durable/prune_remote.h"
#include "daemon/durable/scan.h"
#include "daemon/durable/spool.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <optional>
#include <sys/stat.h>

namespace gpujob::durable {

namespace {

using Clock = std::chrono::steady_clock;

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

using Files = std::vector<ManifestFile>;

/// One checkpoint on its way to the remote. It shares nothing: what others refer to could be told
/// only from a spool that may be old, and each session removes what it no longer needs.
class Sending {
public:
  Sending(const Remote& remote, const SecureRequest& q, const Manifest& m)
      : m_remote(remote), m_q(q), m_manifest(m), m_job(job_dir(remote.spool(), q.key.job)),
        m_target(checkpoint_dir(remote.spool(), q.key, q.seq)) {}

  Result<std::string> send(Secured& out) {
    GPUJOB_TRY(m_remote.check());
    GPUJOB_TRY(write_owed(m_q, &m_remote, out));
    auto same = find_same();
    if (!same || !same->empty()) {
      out.shared = same ? m_manifest.bytes() : 0;
      return same;
    }
    GPUJOB_TRY(look_there());
    const auto missing = not_there();
    if (!missing) {
      return missing.error();
    }
    std::uint64_t needed = 0;
    for (const auto& file : *missing) {
      needed += file.size;
    }
    // What a remote has left nobody tells; what the user allows is known.
    const Space space(m_remote.shown(m_remote.spool() + "/"), m_q.cap);
    if (const auto left = space.left({}); left && needed > *left) {
      return space.refusal(needed, {}, 0);
    }
    GPUJOB_TRY(send_files(*missing));
    GPUJOB_TRY(confirm());
    out.shared = m_manifest.bytes() - needed;
    return m_target;
  }

private:
  [[nodiscard]] StoredJob read() const {
    Problems ignored;
    return read_job(m_remote.spool(), m_q.key.job, ignored);
  }

  /// Not the spool's: another session may have removed it.
  [[nodiscard]] Result<Manifest> manifest_there(const std::string& checkpoint) const {
    const auto text = m_remote.read_record(checkpoint + "/" + name::k_manifest);
    return text ? decode_manifest(*text) : Result<Manifest>(text.error());
  }

  /// Below the job's directory.
  [[nodiscard]] static std::string path_in_job(const std::string& checkpoint,
                                               const std::string& job, const ManifestFile& file) {
    return FilesAt::stored(checkpoint).path_of(file).substr(job.size() + 1);
  }

  /// Those of `files` that the remote does not give back as they should be. An error: not known.
  Result<Files> bad_ones(const std::string& checkpoint, const Files& files) const {
    RemoteFiles paths;
    for (const auto& file : files) {
      paths.push_back(path_in_job(checkpoint, m_job, file));
    }
    const auto hashes = m_remote.hashes(m_job, paths);
    if (!hashes) {
      return hashes.error();
    }
    Files bad;
    for (std::size_t i = 0; i < files.size(); ++i) {
      const auto found = hashes->find(paths[i]);
      if (found == hashes->end() || found->second != files[i].sha256) {
        bad.push_back(files[i]);
      }
    }
    return bad;
  }

  /// The newest of the job, when it is this very one; empty: it is not. Its manifest stays as it
  /// is, also where this word of it has a later step: a remote cannot replace it in one stroke.
  Result<std::string> find_same() const {
    const auto job = read();
    for (auto attempt = job.attempts.rbegin(); attempt != job.attempts.rend(); ++attempt) {
      if (attempt->checkpoints.empty()) {
        continue;
      }
      const auto& newest = attempt->checkpoints.back();
      if (!same_content(newest.manifest, m_manifest)) {
        return std::string();
      }
      const auto there = manifest_there(newest.path);
      if (!there) {
        return there.error().code == Errc::io ? Result<std::string>(there.error()) : std::string();
      }
      const auto bad = bad_ones(newest.path, newest.manifest.files);
      if (!bad) {
        return bad.error();
      }
      return bad->empty() && same_content(*there, m_manifest) ? newest.path : std::string();
    }
    return std::string();
  }

  /// What has this number there.
  Result<void> look_there() {
    auto there = manifest_there(m_target);
    if (there && !same_content(*there, m_manifest)) {
      return place_error(m_remote.shown(m_target),
                         "another checkpoint of this number is stored there: it is kept, save "
                         "under the next number");
    }
    if (there) {
      m_published = std::move(*there);
      return {};
    }
    if (there.error().code == Errc::io) {
      return there.error();
    }
    if (there.error().code == Errc::not_found && exists(m_target + "/" + name::k_manifest)) {
      return place_error(m_remote.shown(m_target), "it was stored and somebody has removed it: "
                                                   "save under the next number");
    }
    return {}; // a manifest that was never written to its end counts for nothing
  }

  /// What is to be sent: what an upload that was cut off has brought there is not sent again.
  Result<Files> not_there() const {
    return m_published || exists(m_target + name::k_begun) ? bad_ones(m_target, m_manifest.files)
                                                           : Result<Files>(m_manifest.files);
  }

  /// Of these, and of the rest that is there.
  [[nodiscard]] BytesSent progress_of(const Files& files) const {
    if (m_q.progress == nullptr) {
      return {};
    }
    std::uint64_t sending = 0;
    for (const auto& file : files) {
      sending += file.size;
    }
    const auto total = m_manifest.bytes();
    m_q.progress->begin(total, total - std::min(sending, total));
    // No more than all of it, also when it was sent twice.
    return [this, sending, before = std::uint64_t{0}](std::uint64_t sent) mutable {
      sent = std::min(sent, sending);
      m_q.progress->add(sent - std::min(before, sent));
      before = std::max(before, sent);
    };
  }

  Result<void> send_files(const Files& files) {
    RemoteFiles paths;
    for (const auto& file : files) {
      paths.push_back(file.path);
    }
    if (paths.empty()) {
      return {};
    }
    GPUJOB_TRY(make_directories(m_target + name::k_begun));
    auto done = m_remote.upload(parent_path(m_manifest.source), paths,
                                m_target + "/" + name::k_data, progress_of(files));
    const auto bad = done ? bad_ones(m_target, files) : Result<Files>(done.error());
    if (bad && bad->empty()) {
      return {};
    }
    if (!verify_files(m_manifest, FilesAt::parent(parent_path(m_manifest.source)))) {
      return changed(m_manifest.source);
    }
    return bad ? place_error(m_remote.shown(m_target),
                             fmt::format("read back: {} of {} files are not what was sent: the "
                                         "remote lost bytes: give another --durable",
                                         bad->size(), files.size()))
               : bad.error();
  }

  Result<void> confirm() {
    auto m = m_published.value_or(m_manifest);
    for (const auto& dir : m.dirs) {
      GPUJOB_TRY(make_directories(m_target + "/" + name::k_data + "/" + dir));
    }
    for (const auto& file : m.files) {
      GPUJOB_TRY(make_hollow(FilesAt::stored(m_target).path_of(file), file.size));
    }
    if (!m_published) {
      m.took.copy_s = std::chrono::duration<double>(Clock::now() - m_began).count();
    }
    GPUJOB_TRY(publish(m));
    (void)remove_tree(m_target + name::k_begun);
    return {};
  }

  /// There first: what stands in the spool is stored. Once: what is there is not written over.
  Result<void> publish(const Manifest& m) const {
    const auto path = m_target + "/" + name::k_manifest;
    crash_point("remote_step");
    if (!m_published) {
      GPUJOB_TRY(m_remote.push_record(path, encode(m)));
    }
    crash_point("remote_step");
    return put_file(m_remote.spool(), path, encode(m));
  }

  const Remote& m_remote;
  const SecureRequest& m_q;
  const Manifest& m_manifest;
  std::string m_job, m_target;
  std::optional<Manifest> m_published; ///< what the remote has of this number
  Clock::time_point m_began = Clock::now();
};

} // namespace

Result<std::string> make_remote(const Remote& remote, const SecureRequest& q, const Manifest& m,
                                Secured& out) {
  Sending sending(remote, q, m);
  auto sent = sending.send(out);
  if (sent) {
    out.pruned += prune_remote(remote, q.key, q.seq, q.keep);
  }
  return sent;
}

} // namespace gpujob::durable
