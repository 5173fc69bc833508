// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"
#include "daemon/process/helper_runner.h"

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>

/// Runs the user's --flush command: at most one at a time, with a deadline, a few tries.
namespace gpujob {

class Flusher {
public:
  /// An empty command: nothing is ever flushed.
  Flusher(boost::asio::io_context& io, const std::string& command);

  /// Whether there is a command, which neither runs nor has failed as often as it is tried.
  [[nodiscard]] bool ready() const { return m_given && !m_running && !m_failed; }
  /// `ends_at`: of the session; nobody is there to wait after that.
  void run(std::optional<BootTime> ends_at, std::function<void(Result<void>)> done);

private:
  void once(int tries, std::optional<BootTime> ends_at, std::function<void(Result<void>)> done);

  process::HelperRunner m_runner;
  bool m_given = false, m_running = false, m_failed = false;
};

} // namespace gpujob
