// SPDX-License-Identifier: Apache-2.0
#include "common/paths.h"

#include "common/file.h"

#include <cerrno>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

namespace gpujob {

namespace {

bool is_own_directory(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == ::geteuid();
}

std::string tmp_dir(const PathInputs& in) {
  return fmt::format("/tmp/gpujob-{}", in.uid);
}

} // namespace

bool is_remote_filesystem(const std::string& path) {
  auto at = path;
  struct statfs fs {};
  while (::statfs(at.c_str(), &fs) != 0) {
    const auto slash = at.find_last_of('/');
    if (errno != ENOENT || slash == std::string::npos || at == "/") {
      return false;
    }
    at = slash == 0 ? "/" : at.substr(0, slash);
  }
  const auto type = static_cast<unsigned long>(fs.f_type);
  constexpr unsigned long k_cifs = 0xFF534D42;
  constexpr unsigned long k_smb2 = 0xFE534D42;
  return type == NFS_SUPER_MAGIC || type == FUSE_SUPER_MAGIC || type == k_cifs || type == k_smb2;
}

ChosenPath choose_runtime_dir(const PathInputs& in) {
  if (!in.flag_runtime.empty()) {
    return {in.flag_runtime, "flag"};
  }
  if (!in.env_runtime.empty()) {
    return {in.env_runtime, "environment"};
  }
  if (!in.config_runtime.empty()) {
    return {in.config_runtime, "config"};
  }
  const auto run_user = fmt::format("/run/user/{}", in.uid);
  if (is_own_directory(run_user)) {
    return {run_user + "/gpujob", "default"};
  }
  return {tmp_dir(in), "default"};
}

ChosenPath choose_state_dir(const PathInputs& in) {
  if (!in.flag_state.empty()) {
    return {in.flag_state, "flag"};
  }
  if (!in.env_state.empty()) {
    return {in.env_state, "environment"};
  }
  if (!in.config_state.empty()) {
    return {in.config_state, "config"};
  }
  const auto home = in.home + "/.local/state/gpujob";
  if (!in.home.empty() && !is_remote_filesystem(home)) {
    return {home, "default"};
  }
  return {tmp_dir(in), "default"};
}

Result<void> prepare_private_dir(const std::string& path, const std::string& what) {
  const auto refuse = [&](const std::string& why, const std::string& remedy) {
    return Error{Errc::io, fmt::format("{}: {}: {}: {}", what, path, why, remedy)};
  };
  if (path.empty() || path.front() != '/') {
    return refuse("not an absolute path", "give it from / on");
  }
  if (auto made = make_directories(path, 0700); !made) {
    return refuse(made.error().text, "choose a directory you can write");
  }
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
    return refuse("is not a directory", "remove it or choose another");
  }
  if (st.st_uid != ::geteuid()) {
    return refuse("belongs to another user", "choose another directory");
  }
  if ((st.st_mode & 077) != 0 && ::chmod(path.c_str(), 0700) != 0) {
    return refuse("is open to others and cannot be closed", "run chmod 700 on it");
  }
  if (::access(path.c_str(), W_OK | X_OK) != 0) {
    return refuse("is not writable", "choose a directory you can write");
  }
  return {};
}

Result<void> check_socket_path(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error{Errc::usage, fmt::format("socket: {}: longer than {} bytes: choose a shorter "
                                          "GPUJOB_RUNTIME_DIR",
                                          path, sizeof(sockaddr_un::sun_path) - 1)};
  }
  return {};
}

} // namespace gpujob
