// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spawn.h>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gpujob::client {

/// Owns what posix_spawn(3) wants prepared: /dev/null on 0..2 where nothing else is given, nothing
/// above what is given, default signals, an empty mask.
class SpawnPlan {
public:
  enum class Own { session, group };

  explicit SpawnPlan(Own own);
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan();

  /// `fd`, which stays the caller's, will be `as` there. It is above 2, and no `as` given before.
  void give(int fd, int as);

  /// Once. errno's number, 0 when it runs as `pid`.
  int spawn(const std::string& program, std::vector<std::string> arguments,
            std::vector<std::string> environment, pid_t& pid);

private:
  posix_spawn_file_actions_t m_actions{};
  posix_spawnattr_t m_attributes{};
  int m_first_closed = 3;
};

} // namespace gpujob::client
