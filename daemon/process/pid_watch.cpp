// SPDX-License-Identifier: Apache-2.0
#include "daemon/process/pid_watch.h"

#include "daemon/process/launcher.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <sys/syscall.h>
#include <unistd.h>

namespace gpujob::process {

struct PidWatch::State {
  boost::asio::posix::stream_descriptor descriptor;
  std::function<void()> on_ended;

  State(boost::asio::io_context& io, int fd, std::function<void()> f)
      : descriptor(io, fd), on_ended(std::move(f)) {}
};

PidWatch::PidWatch(boost::asio::io_context& io, Fd pidfd, std::function<void()> on_ended)
    : m_state(std::make_shared<State>(io, pidfd.release(), std::move(on_ended))) {
  auto state = m_state;
  m_state->descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                 [state](const boost::system::error_code& error) {
                                   if (error || !state->on_ended) {
                                     return;
                                   }
                                   Fd borrowed{state->descriptor.native_handle()};
                                   reap(borrowed);
                                   (void)borrowed.release();
                                   auto callback = std::move(state->on_ended);
                                   state->on_ended = nullptr;
                                   callback();
                                 });
}

PidWatch::~PidWatch() {
  m_state->on_ended = nullptr;
  boost::system::error_code ignored;
  m_state->descriptor.cancel(ignored);
}

bool PidWatch::send_signal(int signal) {
  return ::syscall(SYS_pidfd_send_signal, m_state->descriptor.native_handle(), signal, nullptr,
                   0) == 0;
}

} // namespace gpujob::process
