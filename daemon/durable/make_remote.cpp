// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/make_remote.h"

#include "common/crash_point.h"
#include "common/file.h"
#include "common/tree.h"
#include "daemon/durable/hashing.h"
#include "daemon/durable/prune.h"
#include "daemon/durable/sharing.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <set>

namespace gpujob::durable {

namespace {

using Clock = std::chrono::steady_clock;

/// One checkpoint on its way to the remote.
class Sending {
public:
  Sending(const Remote& remote, const SecureRequest& q, const Manifest& m)
      : m_remote(remote), m_q(q), m_manifest(m), m_job(job_dir(remote.spool(), q.key.job)),
        m_target(checkpoint_dir(remote.spool(), q.key, q.seq)) {}

  Result<std::string> send(Secured& out) {
    if (auto same = find_same()) {
      out.shared = m_manifest.bytes();
      return *same;
    }
    GPUJOB_TRY(check_number());
    auto sharing = share(m_manifest, reachable(read()));
    // What a remote has left nobody tells; what the user allows is known.
    const Space space(m_remote.shown(m_remote.spool() + "/"), m_q.cap);
    if (const auto left = space.left({}); left && sharing.needed() > *left) {
      return space.refusal(sharing.needed(), {}, 0);
    }
    GPUJOB_TRY(send_files(sharing));
    GPUJOB_TRY(confirm(sharing));
    out.shared = m_manifest.bytes() - sharing.needed();
    return m_target;
  }

  /// What prune takes from the spool goes from the remote, manifests first.
  Result<int> prune_there() {
    const auto before = files_below(m_job);
    const auto pruned = prune(m_remote.spool(), m_q.key, m_q.seq, m_q.keep);
    const auto after = files_below(m_job);
    RemoteFiles manifests, others;
    for (const auto& file : before) {
      if (!after.contains(file)) {
        (file.ends_with(std::string("/") + name::k_manifest) ? manifests : others).push_back(file);
      }
    }
    GPUJOB_TRY(m_remote.remove(m_job, manifests));
    // What is kept of a pruned one is told from a copy that never ended.
    for (const auto& file : after) {
      if (file.ends_with(std::string("/") + name::k_pruned) && !before.contains(file)) {
        GPUJOB_TRY(m_remote.push_record(m_job + "/" + file));
      }
    }
    GPUJOB_TRY(m_remote.remove(m_job, others));
    return pruned.checkpoints;
  }

private:
  [[nodiscard]] StoredJob read() const {
    Problems ignored;
    return read_job(m_remote.spool(), m_q.key.job, ignored);
  }

  [[nodiscard]] std::vector<const StoredCheckpoint*> reachable(const StoredJob& job) {
    m_read = job; // what is returned points into it
    std::vector<const StoredCheckpoint*> out;
    for (const auto& attempt : m_read.attempts) {
      for (const auto& checkpoint : attempt.checkpoints) {
        if (is_within_reach(attempt.key, m_q.key)) {
          out.push_back(&checkpoint);
        }
      }
    }
    return out;
  }

  /// Below the job's directory.
  [[nodiscard]] static std::string path_in_job(const std::string& checkpoint,
                                               const std::string& job, const ManifestFile& file) {
    return FilesAt::stored(checkpoint).path_of(file).substr(job.size() + 1);
  }

  /// Which of `files` the remote gives back as they should be.
  Result<std::set<std::string>> good_ones(const std::string& checkpoint,
                                          const std::vector<ManifestFile>& files) const {
    RemoteFiles paths;
    for (const auto& file : files) {
      paths.push_back(path_in_job(checkpoint, m_job, file));
    }
    std::set<std::string> good;
    if (paths.empty()) {
      return good;
    }
    const auto hashes = m_remote.hashes(m_job, paths);
    if (!hashes) {
      return hashes.error();
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
      const auto found = hashes->find(paths[i]);
      if (found != hashes->end() && found->second == files[i].sha256) {
        good.insert(files[i].path);
      }
    }
    return good;
  }

  /// As on any durable directory: of two words on the same bytes the later step is theirs.
  void keep_later_step(const StoredCheckpoint& stored) const {
    auto m = stored.manifest;
    const bool own = m.attempt == m_q.key.attempt && m.session == m_q.key.session;
    if (own && m_q.step && m.step.value_or(-1) < *m_q.step) {
      m.step = m_q.step;
      (void)publish(stored.path, m);
    }
  }

  std::optional<std::string> find_same() const {
    const auto job = read();
    for (auto attempt = job.attempts.rbegin(); attempt != job.attempts.rend(); ++attempt) {
      if (attempt->checkpoints.empty()) {
        continue;
      }
      const auto& newest = attempt->checkpoints.back();
      if (!same_content(newest.manifest, m_manifest)) {
        return std::nullopt;
      }
      const auto good = good_ones(newest.path, newest.manifest.files);
      if (!good || good->size() != newest.manifest.files.size()) {
        return std::nullopt;
      }
      keep_later_step(newest);
      return newest.path;
    }
    return std::nullopt;
  }

  /// One of this number counts only with these very files, and is then stored again in full.
  Result<void> check_number() {
    const auto there = read_manifest(m_target + "/" + name::k_manifest);
    const auto referred = is_referred_to(m_target);
    if (!referred) {
      return referred.error();
    }
    if ((there && !same_content(*there, m_manifest)) || (!there && *referred)) {
      return place_error(m_remote.shown(m_target),
                         "another checkpoint of this number is stored there: it is kept, save "
                         "under the next number");
    }
    m_shares = !there;
    return {};
  }

  Result<void> send_files(Sharing& sharing) {
    if (!m_shares) {
      sharing = share_nothing(m_manifest);
    }
    auto& files = sharing.manifest.files;
    std::vector<ManifestFile> shared;
    std::copy_if(files.begin(), files.end(), std::back_inserter(shared),
                 [](const ManifestFile& f) { return !f.at.empty(); });
    const auto good = good_ones(m_target, shared);
    if (!good) {
      return good.error();
    }
    std::vector<ManifestFile> own;
    RemoteFiles paths;
    for (auto& file : files) {
      if (!file.at.empty() && good->contains(file.path)) {
        continue;
      }
      file.at.clear();
      own.push_back(file);
      paths.push_back(file.path);
    }
    if (own.empty()) {
      return {};
    }
    auto done =
        m_remote.upload(parent_path(m_manifest.source), paths, m_target + "/" + name::k_data);
    const auto proven =
        done ? good_ones(m_target, own) : Result<std::set<std::string>>(done.error());
    if (proven && proven->size() == own.size()) {
      return {};
    }
    if (!verify_files(m_manifest, FilesAt::parent(parent_path(m_manifest.source)))) {
      return changed(m_manifest.source);
    }
    return proven ? place_error(m_remote.shown(m_target),
                                fmt::format("read back: {} of {} files are not what was sent: the "
                                            "remote lost bytes: give another --durable",
                                            own.size() - proven->size(), own.size()))
                  : proven.error();
  }

  Result<void> confirm(const Sharing& sharing) {
    auto m = sharing.manifest;
    for (const auto& dir : m.dirs) {
      GPUJOB_TRY(make_directories(m_target + "/" + name::k_data + "/" + dir));
    }
    for (const auto& file : m.files) {
      if (file.at.empty()) {
        GPUJOB_TRY(make_hollow(FilesAt::stored(m_target).path_of(file), file.size));
      }
    }
    m.took.copy_s = std::chrono::duration<double>(Clock::now() - m_began).count();
    return publish(m_target, m);
  }

  /// There first: what stands in the spool is stored.
  Result<void> publish(const std::string& checkpoint, const Manifest& m) const {
    const auto path = checkpoint + "/" + name::k_manifest;
    crash_point("remote_step");
    GPUJOB_TRY(m_remote.push_record(path, encode(m)));
    crash_point("remote_step");
    return put_file(m_remote.spool(), path, encode(m));
  }

  static std::set<std::string> files_below(const std::string& dir) {
    namespace fs = std::filesystem;
    std::set<std::string> out;
    std::error_code ec;
    for (fs::recursive_directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec)) {
      if (it->is_regular_file(ec)) {
        out.insert(it->path().string().substr(dir.size() + 1));
      }
    }
    return out;
  }

  const Remote& m_remote;
  const SecureRequest& m_q;
  const Manifest& m_manifest;
  std::string m_job, m_target;
  StoredJob m_read;
  bool m_shares = true;
  Clock::time_point m_began = Clock::now();
};

} // namespace

Result<std::string> make_remote(const Remote& remote, const SecureRequest& q, const Manifest& m,
                                Secured& out) {
  Sending sending(remote, q, m);
  auto sent = sending.send(out);
  if (sent) {
    // What could not be removed is there still, and goes the next time.
    const auto pruned = sending.prune_there();
    out.pruned += pruned ? *pruned : 0;
  }
  return sent;
}

} // namespace gpujob::durable
