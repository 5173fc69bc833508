// SPDX-License-Identifier: Apache-2.0
#include "daemon/process/line_child.h"

#include "common/duration.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/frame.h"
#include "daemon/process/launcher.h"
#include "daemon/process/pid_watch.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

namespace gpujob::process {

namespace {

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return io_error("pipe", "helper", errno);
  }
  return Pipe{Fd{ends[0]}, Fd{ends[1]}};
}

void set_nonblocking(const Fd& fd) {
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
}

} // namespace

struct LineChild::Child {
  Fd in;
  boost::asio::posix::stream_descriptor out;
  boost::asio::steady_timer deadline; // steady: a suspended machine's child has not run either
  FrameReader lines;
  pid_t pid = 0; ///< ours, and its group's, until the watch has reaped it
  bool reaped = false;
  std::unique_ptr<PidWatch> watch;
  Done done; ///< of the question that is open
  unsigned question = 0;

  Child(boost::asio::io_context& io, Fd to, Fd from)
      : in(std::move(to)), out(io, from.release()), deadline(io) {}
};

LineChild::LineChild(boost::asio::io_context& io, std::string exe, std::string of_what)
    : m_io(io), m_exe(std::move(exe)), m_of_what(std::move(of_what)) {}

LineChild::~LineChild() = default;

Result<void> LineChild::start() {
  if (m_dying) {
    return Error{Errc::io, fmt::format("helper: an earlier one still hangs in {}", m_of_what)};
  }
  auto to = make_pipe();
  auto from = make_pipe();
  if (!to || !from) {
    return to ? from.error() : to.error();
  }
  auto started = process::start({m_exe, {}, to->read.get(), from->write.get(), STDERR_FILENO});
  if (!started) {
    return started.error();
  }
  set_nonblocking(to->write);
  set_nonblocking(from->read);
  m_child = std::make_shared<Child>(m_io, std::move(to->write), std::move(from->read));
  m_child->pid = started->pid;
  m_child->watch =
      std::make_unique<PidWatch>(m_io, std::move(started->pidfd), [this] { on_ended(); });
  read();
  return {};
}

void LineChild::ask(const std::string& line, Duration deadline, Done done) {
  const auto refuse = [&](const Error& error) {
    boost::asio::post(m_io, [done, error] { done(error); });
  };
  if (m_child == nullptr) {
    if (const auto started = start(); !started) {
      refuse(started.error());
      return;
    }
  }
  // A question is far smaller than a pipe, and there is one at a time: it never waits for room.
  if (const auto asked = write_all(m_child->in.get(), line + "\n"); !asked) {
    close();
    refuse(asked.error());
    return;
  }
  m_child->done = std::move(done);
  const auto question = ++m_child->question;
  m_child->deadline.expires_after(deadline);
  m_child->deadline.async_wait([this, weak = std::weak_ptr(m_child), question,
                                deadline](const boost::system::error_code& error) {
    const auto child = weak.lock();
    if (!error && child && child == m_child && child->done && child->question == question) {
      fail({Errc::io, fmt::format("helper: no answer within {}: does {} hang?",
                                  format_duration(deadline), m_of_what)});
    }
  });
}

void LineChild::read() {
  m_child->out.async_wait(
      boost::asio::posix::stream_descriptor::wait_read,
      [this, weak = std::weak_ptr(m_child)](const boost::system::error_code& error) {
        const auto child = weak.lock();
        if (!error && child && child == m_child) {
          on_readable();
        }
      });
}

void LineChild::on_readable() {
  char chunk[16 * 1024];
  const auto n = ::read(m_child->out.native_handle(), chunk, sizeof chunk);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    read();
    return;
  }
  if (n <= 0) {
    fail({Errc::io, "helper: ended without an answer: see the daemon's log"});
    return;
  }
  if (!m_child->lines.feed({chunk, static_cast<std::size_t>(n)})) {
    fail({Errc::bad_data, "helper: answers more than 64 KiB"});
    return;
  }
  auto answer = m_child->lines.next();
  if (!answer) {
    read();
    return;
  }
  if (!m_child->done) {
    fail({Errc::bad_data, "helper: says what nobody asked"});
    return;
  }
  m_child->deadline.cancel();
  read();
  std::exchange(m_child->done, nullptr)(std::move(*answer));
}

void LineChild::fail(const Error& error) {
  const auto done = std::exchange(m_child->done, nullptr);
  close();
  if (done) {
    done(error);
  }
}

void LineChild::close() {
  if (m_child == nullptr) {
    return;
  }
  const auto child = std::exchange(m_child, nullptr);
  if (!child->reaped) {
    // It leads a group of its own. It is not reaped, so nobody else's group has its number.
    ::kill(-child->pid, SIGKILL);
    child->watch->send_signal(SIGKILL);
    m_dying = std::move(child->watch);
  }
}

void LineChild::on_ended() {
  if (m_dying) {
    m_dying.reset();
  } else if (m_child) {
    m_child->reaped = true; // that its output ends is heard of, too
  }
}

} // namespace gpujob::process
