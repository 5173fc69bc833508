// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/open.h"

#include "common/file.h"
#include "common/tree.h"
#include "daemon/durable/place.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

/// File systems that are the storage itself, or that answer fsync only when the server has it.
bool keeps_what_it_synced(std::string_view type) {
  constexpr std::array<std::string_view, 18> k_types{
      "ext2", "ext3", "ext4", "xfs",    "btrfs",  "zfs",  "f2fs", "nfs",      "nfs4",
      "cifs", "smb3", "ceph", "lustre", "beegfs", "gpfs", "gfs2", "virtiofs", "jfs"};
  return std::find(k_types.begin(), k_types.end(), type) != k_types.end();
}

std::vector<std::string> warnings_for(const std::string& dir, const Mount& mount) {
  const auto& type = mount.type;
  if (type == "tmpfs" || type == "ramfs") {
    return {fmt::format("durable directory: {}: lives in memory: it will not survive this VM: give "
                        "another --durable",
                        dir)};
  }
  if (type == "overlay" || type == "aufs") {
    return {fmt::format("durable directory: {}: lies in the container's layer: it will not survive "
                        "this VM: give another --durable",
                        dir)};
  }
  if (mount.point == "/") {
    return {
        fmt::format("durable directory: {}: lies on this machine's own disk (that of /): good if "
                    "the disk stays; in a VM that is taken away give a --durable that is mounted",
                    dir)};
  }
  return {};
}

/// Where mounts appear: what is missing there was not mounted, and a directory made in its place
/// would lie on the VM's own disk.
bool is_mount_place(const std::string& parent) {
  constexpr std::array<std::string_view, 5> k_places{"/", "/mnt", "/media", "/run/media",
                                                     "/content"};
  return std::find(k_places.begin(), k_places.end(), parent) != k_places.end();
}

Result<void> make_last(const std::string& dir) {
  struct stat st {};
  const auto parent = parent_path(dir);
  if (is_mount_place(parent) && ::stat(dir.c_str(), &st) != 0) {
    return place_error(dir, "is not there: mount it first, or make it yourself with mkdir");
  }
  if (::stat(parent.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
    return place_error(dir, fmt::format("{} is not there: mount or make it first, or give another "
                                        "--durable",
                                        parent));
  }
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return storage_error(dir, errno);
  }
  if (::stat(dir.c_str(), &st) != 0) {
    return storage_error(dir, errno);
  }
  if (!S_ISDIR(st.st_mode)) {
    return place_error(dir, "is not a directory: remove it or give another --durable");
  }
  return {};
}

/// Everything a checkpoint will need, once, with a few bytes.
Result<void> probe(const std::string& dir) {
  constexpr std::string_view k_bytes = "gpujob was here\n";
  const auto path = fmt::format("{}/.gpujob-probe-{}", dir, ::getpid());
  const auto renamed = path + ".renamed";
  Fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!fd) {
    return storage_error(dir, errno);
  }
  bool done =
      ::write(fd.get(), k_bytes.data(), k_bytes.size()) == static_cast<ssize_t>(k_bytes.size()) &&
      ::fsync(fd.get()) == 0 && ::close(fd.release()) == 0 &&
      ::rename(path.c_str(), renamed.c_str()) == 0;
  const int failed = errno;
  const auto back = done ? read_file(renamed, 4096) : Result<std::string>(std::string());
  ::unlink(path.c_str());
  ::unlink(renamed.c_str());
  if (!done) {
    return storage_error(dir, failed);
  }
  if (!back || *back != k_bytes) {
    return place_error(dir, "what was written does not read back: give another --durable");
  }
  return {};
}

} // namespace

Result<Opened> open_durable(const std::string& dir, const std::string& require_mount,
                            const MountTable& table) {
  auto mount = check_mount(dir, require_mount, table);
  if (!mount) {
    return mount.error();
  }
  GPUJOB_TRY(make_last(dir));
  GPUJOB_TRY(probe(dir));
  return Opened{keeps_what_it_synced(mount->type) ? "stored" : "cached", mount->type,
                warnings_for(dir, *mount)};
}

Result<void> check_durable(const std::string& dir, const MountTable& table) {
  if (auto mount = check_mount(dir, "", table); !mount) {
    return mount.error();
  }
  struct stat st {};
  if (::stat(dir.c_str(), &st) != 0) {
    return storage_error(dir, errno);
  }
  return S_ISDIR(st.st_mode) ? Result<void>{} : storage_error(dir, ENOTDIR);
}

} // namespace gpujob::durable
