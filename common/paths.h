// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <string>

namespace gpujob {

/// What the paths depend on; read once by main.
struct PathInputs {
  std::string flag_runtime, flag_state; ///< --runtime, --state; empty: not given
  std::string env_runtime, env_state;   ///< GPUJOB_RUNTIME_DIR, GPUJOB_STATE_DIR
  std::string config_runtime, config_state;
  std::string home;
  unsigned uid = 0;
};

/// A directory and where its name came from ("flag", "environment", "config", "default").
struct ChosenPath {
  std::string path;
  std::string origin;
};

/// $GPUJOB_RUNTIME_DIR, else /run/user/UID/gpujob where /run/user/UID is ours, else
/// /tmp/gpujob-UID. Nothing is created. Client and daemon must agree, so it follows from the user
/// alone unless somebody says otherwise.
ChosenPath choose_runtime_dir(const PathInputs& in);

/// flag, $GPUJOB_STATE_DIR, config, else the first of ~/.local/state/gpujob and /tmp/gpujob-UID
/// that is not on NFS or FUSE (SQLite's WAL does not work there, and neither is fast).
ChosenPath choose_state_dir(const PathInputs& in);

/// Creates the directory 0700, or checks that it is ours and closed to others. Errors name the
/// directory and what to do.
Result<void> prepare_private_dir(const std::string& path, const std::string& what);

/// Whether the nearest existing ancestor of `path` lies on NFS or FUSE.
bool is_remote_filesystem(const std::string& path);

/// sockaddr_un holds 107 bytes and a NUL; Errc::usage names the path and says what to shorten.
Result<void> check_socket_path(const std::string& path);

struct RuntimePaths {
  std::string dir;
  [[nodiscard]] std::string lock() const { return dir + "/daemon.lock"; }
  [[nodiscard]] std::string socket() const { return dir + "/gpujobd.sock"; }
  [[nodiscard]] std::string stop_marker() const { return dir + "/stopped"; }
  /// One pair per attempt: where its shim listens for the daemon, and for the job.
  [[nodiscard]] std::string link_socket(const std::string& job_id, int attempt) const {
    return dir + "/" + job_id + "." + std::to_string(attempt) + ".link";
  }
  [[nodiscard]] std::string notify_socket(const std::string& job_id, int attempt) const {
    return dir + "/" + job_id + "." + std::to_string(attempt) + ".notify";
  }
};

struct StatePaths {
  std::string dir;
  [[nodiscard]] std::string database() const { return dir + "/gpujob.db"; }
  /// The session's settings once more: the database may be lost, its limit must not.
  [[nodiscard]] std::string session() const { return dir + "/session.json"; }
  [[nodiscard]] std::string notices() const { return dir + "/notices.json"; }
  [[nodiscard]] std::string said_dir() const { return dir + "/said"; }
  [[nodiscard]] std::string daemon_log() const { return dir + "/daemon.log"; }
  [[nodiscard]] std::string job_dir(const std::string& job_id) const {
    return dir + "/jobs/" + job_id;
  }
  [[nodiscard]] std::string checkpoint_dir(const std::string& job_id) const {
    return job_dir(job_id) + "/ckpt";
  }
  /// How far the copy of a checkpoint is, while there is one.
  [[nodiscard]] std::string storing(const std::string& job_id) const {
    return job_dir(job_id) + "/storing.json";
  }
  /// Held by the helper that copies.
  [[nodiscard]] std::string helper_lock(const std::string& job_id) const {
    return job_dir(job_id) + "/helper.lock";
  }
  [[nodiscard]] std::string attempt_dir(const std::string& job_id, int attempt) const {
    return job_dir(job_id) + "/" + std::to_string(attempt);
  }
};

} // namespace gpujob
