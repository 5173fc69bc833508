// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/mirror.h"

#include "common/crash_point.h"
#include "common/file.h"
#include "common/tree.h"
#include "daemon/durable/copy.h"
#include "daemon/durable/mend.h"
#include "daemon/durable/place.h"
#include "daemon/durable/progress.h"
#include "daemon/durable/prune.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

/// One copy on its way.
struct Work {
  const std::string& dir;
  const Sharing& sharing;
  std::string target;
  std::chrono::steady_clock::time_point began;
  const Paths* there = nullptr;
  Progress* progress = nullptr;
  bool is_full = false, lost_shared = false;
};

std::uint64_t bytes_there(const Work& w) {
  std::uint64_t out = 0;
  for (const auto& file : w.sharing.manifest.files) {
    out += w.there != nullptr && w.there->contains(file.path) ? file.size : 0;
  }
  return out;
}

Result<void> copy_data(Work& w, const std::string& partial) {
  const auto& m = w.sharing.manifest;
  const auto data = partial + "/" + name::k_data;
  GPUJOB_TRY(make_dirs(w.dir, data));
  Copy copy{m, FilesAt::parent(parent_path(m.source)), data, true, &w.is_full, w.there};
  if (w.progress != nullptr) {
    w.progress->begin(w.sharing.needed(), bytes_there(w));
    copy.sink = [&w](std::string_view bytes) -> Result<void> {
      w.progress->add(bytes.size());
      return {};
    };
  }
  GPUJOB_TRY(copy_files(copy));
  return sync_dir(partial);
}

/// From the renamed data to a checkpoint that counts.
Result<void> confirm(Work& w) {
  auto m = w.sharing.manifest;
  const auto files = FilesAt::stored(w.target);
  GPUJOB_TRY(sync_dir(parent_path(w.target)));
  if (auto same = verify_own_files(m, files); !same) {
    // What was written is not what was hashed: the source may have changed in between.
    if (auto source = verify_files(m, FilesAt::parent(parent_path(m.source))); !source) {
      return source.error().code == Errc::io ? source.error() : changed(m.source);
    }
    return place_error(w.target, fmt::format("read back: {}: the storage lost bytes: give another "
                                             "--durable",
                                             same.error().text));
  }
  m.took.copy_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - w.began).count();
  GPUJOB_TRY(put_file(w.dir, w.target + "/" + name::k_manifest, encode(m)));
  crash_point("durable_step");
  // Whoever pruned what we share meanwhile has seen our manifest, or we see that his is gone.
  const auto is_there = [](const std::string& path) {
    struct stat st {};
    return ::lstat(path.c_str(), &st) == 0;
  };
  const auto& keepers = w.sharing.keepers;
  if (!std::all_of(keepers.begin(), keepers.end(), is_there) || !check_sizes(m, files)) {
    w.lost_shared = true;
    return place_error(w.target, "an earlier checkpoint went while it was used: try again");
  }
  return {};
}

/// Until the manifest is there, nothing of it counts.
Result<void> copy_and_confirm(Work& w) {
  const auto partial = w.target + ".partial";
  if (w.there == nullptr) {
    GPUJOB_TRY(remove_tree(partial));
  }
  auto done = copy_data(w, partial);
  if (done) {
    GPUJOB_TRY(remove_tree(w.target));
    if (::rename(partial.c_str(), w.target.c_str()) != 0) {
      done = storage_error(w.target, errno);
    }
  }
  if (!done) {
    (void)remove_tree(partial);
    return done;
  }
  crash_point("durable_step");
  done = confirm(w);
  if (!done) {
    ::unlink((w.target + "/" + name::k_manifest).c_str());
    (void)remove_tree(w.target);
  }
  return done;
}

Error is_taken(const std::string& target) {
  return place_error(target, "another checkpoint of this number is stored there: it is kept, save "
                             "under the next number");
}

Result<void> mirror_to(Work& w) {
  const auto& m = w.sharing.manifest;
  struct stat st {};
  if (::lstat(w.target.c_str(), &st) != 0) {
    return copy_and_confirm(w);
  }
  const auto there = read_manifest(w.target + "/" + name::k_manifest);
  if (there && same_content(*there, m)) {
    return mend(w.target, *there, FilesAt::parent(parent_path(m.source)));
  }
  if (there) {
    return is_taken(w.target);
  }
  if (there.error().code == Errc::io) {
    return there.error(); // it may be good
  }
  // A helper ended between rename and manifest, and it never counted; or it was pruned, and later
  // ones may still share its files.
  const auto referred = is_referred_to(w.target);
  if (!referred) {
    return referred.error();
  }
  return *referred ? is_taken(w.target) : copy_and_confirm(w);
}

} // namespace

Mirrored mirror(const std::string& dir, const Sharing& sharing,
                std::chrono::steady_clock::time_point began, const Paths* there,
                Progress* progress) {
  const auto& m = sharing.manifest;
  Work w{dir,   sharing, checkpoint_dir(dir, {m.job, m.attempt, m.session}, m.seq),
         began, there,   progress};
  const auto done = mirror_to(w);
  return {done ? Result<std::string>(w.target) : Result<std::string>(done.error()), w.is_full,
          w.lost_shared};
}

} // namespace gpujob::durable
