// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/resume.h"

#include "common/file.h"
#include "common/layout.h"
#include "common/text.h"
#include "common/tree.h"
#include "daemon/durable/copy.h"
#include "daemon/durable/fetch.h"
#include "daemon/durable/manifest.h"
#include "daemon/durable/place.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

Result<void> check_local(const ResumeCandidate& c) {
  if (c.manifest.empty()) {
    return Error{Errc::not_found, "it was never verified: no manifest"};
  }
  const auto m = read_manifest(c.manifest);
  if (!m) {
    return m.error();
  }
  if (m->name != base_name(c.path)) {
    return Error{Errc::bad_data, fmt::format("its manifest is of {}", m->name)};
  }
  return verify_files(*m, FilesAt::parent(parent_path(c.path)));
}

/// Out of the way, never deleted: it may be all that somebody has.
Result<void> move_aside(const std::string& path) {
  for (int n = 1;; ++n) {
    const auto aside = fmt::format("{}.stale-{}", path, n);
    if (!exists(aside)) {
      return ::rename(path.c_str(), aside.c_str()) == 0 ? Result<void>{}
                                                        : io_error("move aside", path, errno);
    }
  }
}

/// Megatron reads which iteration to load from the tracker beside it.
Result<void> restore_tracker(const std::string& ckpt_dir, const Manifest& m) {
  if (layout::classify({ckpt_dir + "/" + m.name, m.is_dir}) != layout::Kind::megatron_dir) {
    return {};
  }
  const auto iteration = parse_int(std::string_view(m.name).substr(5)).value_or(0);
  return atomic_replace(ckpt_dir + "/latest_checkpointed_iteration.txt",
                        fmt::format("{}", iteration), 0644);
}

Result<void> put_in_place(const std::string& restored, const std::string& target) {
  if (exists(target)) {
    GPUJOB_TRY(move_aside(target));
  }
  if (::rename(restored.c_str(), target.c_str()) != 0) {
    return io_error("rename", target, errno);
  }
  return sync_dir(parent_path(target));
}

/// Bytes that this disk does not give back say nothing about the checkpoint that they came from.
Result<void> verify_restored(const Manifest& m, const std::string& dir) {
  const auto same = verify_files(m, FilesAt::parent(dir));
  return same ? same : Error{Errc::io, "read back: " + same.error().text};
}

struct Restored {
  std::string path;
  bool copied = false;
};

Result<Restored> restore(const std::string& ckpt_dir, const std::string& durable_path,
                         const Remote* remote) {
  const auto m = read_manifest(durable_path + "/" + name::k_manifest);
  if (!m) {
    return m.error();
  }
  const auto target = ckpt_dir + "/" + m->name;
  if (exists(target) && verify_files(*m, FilesAt::parent(ckpt_dir))) {
    return Restored{target, false};
  }
  const auto partial = ckpt_dir + "/.gpujob-restore.partial";
  GPUJOB_TRY(remove_tree(partial));
  GPUJOB_TRY(make_directories(partial, 0700));
  auto done = remote != nullptr
                  ? fetch_files(*remote, durable_path, *m, partial)
                  : copy_files(Copy{*m, FilesAt::stored(durable_path), partial, false});
  if (done) {
    // The storage may have lost what the hashes on the way were of.
    done = verify_restored(*m, partial);
  }
  if (done) {
    done = put_in_place(partial + "/" + m->name, target);
  }
  if (done) {
    done = restore_tracker(ckpt_dir, *m);
  }
  (void)remove_tree(partial);
  if (!done) {
    return done.error();
  }
  return Restored{target, true};
}

} // namespace

Result<Resumed> resume(const std::string& ckpt_dir, const std::vector<ResumeCandidate>& candidates,
                       const Remote* remote, const std::function<Result<void>()>& is_there) {
  Resumed out;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto& c = candidates[i];
    std::optional<Error> unread; // of a candidate that may be good
    const auto reject = [&](const std::string& path, const Error& why) {
      out.rejected.push_back({path, why.text});
      if (why.code == Errc::io && !unread) {
        unread = why;
      }
    };
    if (!c.path.empty()) {
      const auto good = check_local(c);
      if (good) {
        out.path = c.path;
        out.index = i;
        out.from = "local";
        return out;
      }
      reject(c.path, good.error());
    }
    if (!c.durable_path.empty()) {
      const auto restored = restore(ckpt_dir, c.durable_path, remote);
      if (restored) {
        out.path = restored->path;
        out.index = i;
        out.from = restored->copied ? "durable" : "local";
        return out;
      }
      reject(c.durable_path, restored.error());
      // Nothing is found in a directory that is away.
      if (const auto there = is_there(); !there) {
        reject(c.durable_path, Error{Errc::io, there.error().text});
      }
    }
    if (unread) {
      return Error{Errc::io, fmt::format("{}: it may be good, and what is older loses work: try "
                                         "again when it can be read",
                                         unread->text)};
    }
  }
  return out;
}

} // namespace gpujob::durable
