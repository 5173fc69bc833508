// SPDX-License-Identifier: Apache-2.0
#include "daemon/process/boot_timer.h"

#include <algorithm>
#include <sys/timerfd.h>
#include <unistd.h>

namespace gpujob::process {

BootTimer::BootTimer(boost::asio::io_context& io, std::function<void()> on_expired)
    : m_timer(io, ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
      m_on_expired(std::move(on_expired)) {
  wait();
}

void BootTimer::arm(BootTime at) {
  // Zero would disarm; an instant in the past fires at once.
  const auto ns = std::max<std::int64_t>(to_ns(at), 1);
  itimerspec spec{};
  spec.it_value.tv_sec = ns / 1000000000;
  spec.it_value.tv_nsec = ns % 1000000000;
  ::timerfd_settime(m_timer.native_handle(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void BootTimer::disarm() {
  const itimerspec never{};
  ::timerfd_settime(m_timer.native_handle(), 0, &never, nullptr);
}

void BootTimer::stop() {
  boost::system::error_code ignored;
  m_timer.close(ignored);
}

void BootTimer::wait() {
  m_timer.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (error || !m_timer.is_open()) {
                         return;
                       }
                       std::uint64_t expirations = 0;
                       (void)!::read(m_timer.native_handle(), &expirations, sizeof expirations);
                       wait();
                       m_on_expired();
                     });
}

} // namespace gpujob::process
