// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/early_copy.h"

#include "common/file.h"
#include "daemon/durable/mirror.h"
#include "daemon/durable/open.h"
#include "daemon/durable/progress.h"
#include "daemon/durable/scan.h"

#include <exception>
#include <set>
#include <sys/stat.h>
#include <system_error>

namespace gpujob::durable {

EarlyCopy::~EarlyCopy() {
  m_stop = true;
  (void)wait();
  if (!m_handed_over && !m_partial.empty()) {
    (void)remove_tree(m_partial);
  }
}

void EarlyCopy::start(const Tree& tree) {
  m_tree = tree;
  try {
    m_thread = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    // No more threads: it is copied afterwards.
  }
}

const Paths& EarlyCopy::wait() {
  if (m_thread.joinable()) {
    m_thread.join();
  }
  return m_there;
}

void EarlyCopy::run() {
  try {
    // Whatever goes wrong here will go wrong again, where there is somebody to tell.
    (void)copy_all();
  } catch (const std::exception&) {
  }
}

/// Without the files that may be stored already, and without all where there may be no room.
Tree EarlyCopy::worth_copying() const {
  Problems ignored;
  std::set<std::uint64_t> sizes;
  for (const auto& attempt : read_job(m_q.dir, m_q.key.job, ignored).attempts) {
    for (const auto& checkpoint : attempt.checkpoints) {
      for (const auto& file : checkpoint.manifest.files) {
        sizes.insert(file.size);
      }
    }
  }
  auto tree = m_tree;
  std::erase_if(tree.files, [&](const TreeFile& f) { return sizes.contains(f.size); });
  const auto left = Space(m_q.dir, m_q.cap).left({});
  if (left && *left < tree.bytes()) {
    tree.files.clear();
  }
  return tree;
}

Result<void> EarlyCopy::copy_all() {
  GPUJOB_TRY(check_durable(m_q.dir, read_mounts()));
  const auto target = checkpoint_dir(m_q.dir, m_q.key, m_q.seq);
  struct stat st {};
  const auto tree = worth_copying();
  if (tree.files.empty() || ::lstat(target.c_str(), &st) == 0) {
    return {};
  }
  const auto partial = target + ".partial", data = partial + "/" + name::k_data;
  GPUJOB_TRY(remove_tree(partial));
  m_partial = partial;
  GPUJOB_TRY(make_dirs(m_q.dir, data));
  if (m_q.progress != nullptr) {
    m_q.progress->begin(m_tree.bytes());
  }
  const auto go_on = [this](std::string_view bytes) {
    if (m_q.progress != nullptr) {
      m_q.progress->add(bytes.size());
    }
    return m_stop ? Result<void>(Error{Errc::refused, "checkpoint: not needed"}) : Result<void>{};
  };
  for (const auto& dir : tree.dirs) {
    GPUJOB_TRY(make_dirs(m_q.dir, data + "/" + dir));
  }
  for (const auto& file : tree.files) {
    GPUJOB_TRY(copy_file(tree.parent + "/" + file.relative,
                         Stamp{file.size, file.inode, file.mtime_ns}, data + "/" + file.relative,
                         nullptr, go_on));
    m_there.insert(file.relative);
    m_bytes += file.size;
  }
  return {};
}

} // namespace gpujob::durable
