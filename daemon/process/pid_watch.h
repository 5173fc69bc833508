// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

namespace gpujob::process {

/// Calls back once when the process behind a pidfd has ended, after reaping it if it was ours.
/// Destroying the watch cancels it; the process is not touched.
class PidWatch {
public:
  PidWatch(boost::asio::io_context& io, Fd pidfd, std::function<void()> on_ended);
  ~PidWatch();
  PidWatch(const PidWatch&) = delete;
  PidWatch& operator=(const PidWatch&) = delete;

  /// pidfd_send_signal; false when it is gone.
  bool send_signal(int signal);

private:
  struct State;
  std::shared_ptr<State> m_state; ///< outlives the watch by the queued completion only
};

} // namespace gpujob::process
