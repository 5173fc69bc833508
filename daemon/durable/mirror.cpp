// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/mirror.h"

#include "common/file.h"
#include "common/tree.h"
#include "daemon/durable/copy.h"
#include "daemon/durable/place.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

Result<void> copy_data(const Manifest& m, const std::string& dir, const std::string& partial) {
  const auto data = partial + "/" + name::k_data;
  GPUJOB_TRY(make_dirs(dir, data));
  GPUJOB_TRY(copy_files(Copy{m, parent_path(m.source), data, true}));
  return sync_dir(partial);
}

/// From the renamed data to a checkpoint that counts.
Result<void> confirm(const Manifest& m, const std::string& dir, const std::string& target) {
  GPUJOB_TRY(sync_dir(parent_path(target)));
  if (auto same = verify_files(m, target + "/" + name::k_data); !same) {
    return place_error(target, fmt::format("read back: {}: the storage lost bytes: give another "
                                           "--durable",
                                           same.error().text));
  }
  return put_file(dir, target + "/" + name::k_manifest, encode(m));
}

Result<void> copy_and_confirm(const Manifest& m, const std::string& dir,
                              const std::string& target) {
  const auto partial = target + ".partial", before = target + ".before.partial";
  GPUJOB_TRY(remove_tree(partial));
  GPUJOB_TRY(remove_tree(before));
  auto done = copy_data(m, dir, partial);
  // What did not verify may only have been unreadable for a moment: it goes when the new one
  // stands.
  const bool replaces = done && ::rename(target.c_str(), before.c_str()) == 0;
  if (done && ::rename(partial.c_str(), target.c_str()) != 0) {
    done = storage_error(target, errno);
    (void)remove_tree(partial);
  } else if (!done) {
    (void)remove_tree(partial);
    return done;
  }
  done = done ? confirm(m, dir, target) : done;
  if (!done) {
    ::unlink((target + "/" + name::k_manifest).c_str());
    (void)remove_tree(target);
    if (replaces) {
      (void)!::rename(before.c_str(), target.c_str());
    }
    return done;
  }
  (void)remove_tree(before);
  return done;
}

} // namespace

Result<std::string> mirror(const std::string& dir, const Manifest& m) {
  const auto target =
      fmt::format("{}/{}/{}", attempt_dir(dir, AttemptKey{m.job, m.attempt, m.session}),
                  name::k_checkpoints, m.seq);
  struct stat st {};
  if (::lstat(target.c_str(), &st) == 0) {
    const auto there = read_manifest(target + "/" + name::k_manifest);
    const bool same = there && same_content(*there, m);
    if (same && verify_files(m, target + "/" + name::k_data)) {
      return target;
    }
    if (there && !same) {
      return place_error(target, "another checkpoint of this number is stored there: it is kept, "
                                 "save under the next number");
    }
    // Else a helper ended between rename and manifest, and it never counted; or the storage lost
    // bytes of what we have here in full. Both are replaced.
  }
  GPUJOB_TRY(copy_and_confirm(m, dir, target));
  return target;
}

} // namespace gpujob::durable
