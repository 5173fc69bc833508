// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace gpujob::jobs {

/// Removes the sockets of attempts that have ended, a minute of them at a time: ext4 passes over
/// inodes freed within the last minutes one by one when it makes a file, so that freeing two per
/// attempt at once makes every further start slower.
class SocketSweep {
public:
  SocketSweep(boost::asio::io_context& io, RuntimePaths runtime,
              std::chrono::milliseconds interval = std::chrono::minutes{1});

  void ended(const std::string& job_id, int attempt);

  /// Removes whatever an earlier daemon left of attempts for which `lives` does not hold and at
  /// whose link nobody listens.
  void sweep_all(const std::function<bool(const std::string& job_id, int attempt)>& lives) const;

private:
  void sweep();

  RuntimePaths m_runtime;
  std::chrono::milliseconds m_interval;
  std::vector<std::pair<std::string, int>> m_ended;
  boost::asio::steady_timer m_timer;
};

} // namespace gpujob::jobs
