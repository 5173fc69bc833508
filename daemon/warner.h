// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"
#include "daemon/process/pid_watch.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <string>

/// Runs the user's --on-warning command, one at a time, each with a deadline.
namespace gpujob {

class Warner {
public:
  /// An empty command: nobody is warned.
  Warner(boost::asio::io_context& io, std::string command);

  /// `text` is in $GPUJOB_WARNING of the command. One that is being told or waits is not told
  /// again.
  void warn(const std::string& text);

private:
  void start_next();

  boost::asio::io_context& m_io;
  std::string m_command;
  std::deque<std::string> m_waiting;
  std::string m_telling; ///< what the command that runs was given
  std::unique_ptr<process::PidWatch> m_running;
  boost::asio::steady_timer m_deadline;
};

} // namespace gpujob
