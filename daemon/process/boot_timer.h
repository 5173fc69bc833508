// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

namespace gpujob::process {

/// A timerfd on CLOCK_BOOTTIME: counts through suspend, as the session does (Asio's own timers
/// stop). Owned by the loop, destroyed after it has stopped running.
class BootTimer {
public:
  BootTimer(boost::asio::io_context& io, std::function<void()> on_expired);

  /// Replaces the instant; a completion that was already on its way may still come, so the handler
  /// reads the clock itself.
  void arm(BootTime at);
  void disarm();
  void stop();

private:
  void wait();

  boost::asio::posix::stream_descriptor m_timer;
  std::function<void()> m_on_expired;
};

} // namespace gpujob::process
