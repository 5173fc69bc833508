// SPDX-License-Identifier: Apache-2.0
#include "client/follow.h"

#include "client/output.h"
#include "common/file.h"
#include "common/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace gpujob::client {

namespace {

/// A log up to this size is shown whole to who attaches, of a longer one the tail.
constexpr off_t k_show_whole = 64 * 1024;
constexpr off_t k_tail = 16 * 1024;
/// POLLOUT promises room for PIPE_BUF bytes: a write of no more never blocks on a pipe, so a
/// signal is seen even when the reader sleeps.
constexpr std::size_t k_safe_write = 4096;

void drain(int fd) {
  std::array<char, 4096> buffer; // NOLINT: filled by read
  while (::read(fd, buffer.data(), buffer.size()) > 0) {
  }
}

/// Waits until stdout takes bytes.
Copied wait_writable(int interrupts) {
  for (;;) {
    pollfd entries[] = {{STDOUT_FILENO, POLLOUT, 0}, {interrupts, POLLIN, 0}};
    if (::poll(entries, 2, -1) < 0) {
      continue;
    }
    if ((entries[1].revents & POLLIN) != 0) {
      return Copied::interrupted;
    }
    if (entries[0].revents != 0) {
      return Copied::all;
    }
  }
}

} // namespace

bool stdout_closed() {
  pollfd entry{STDOUT_FILENO, 0, 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

Result<bool> LogFollower::open_log() {
  if (m_file) {
    return true;
  }
  m_file = Fd{::open(m_path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!m_file && errno == ENOENT) {
    return false;
  }
  if (!m_file) {
    return io_error("open", m_path, errno);
  }
  watch();
  m_offset = m_from == From::tail ? tail_start() : 0;
  return true;
}

void LogFollower::watch() {
  m_inotify = Fd{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  if (m_inotify && ::inotify_add_watch(m_inotify.get(), m_path.c_str(), IN_MODIFY) < 0) {
    m_inotify.reset();
  }
}

off_t LogFollower::tail_start() const {
  struct stat st {};
  if (::fstat(m_file.get(), &st) != 0 || st.st_size <= k_show_whole) {
    return 0;
  }
  const off_t start = st.st_size - k_tail;
  std::string tail(static_cast<std::size_t>(k_tail), '\0');
  const auto n = ::pread(m_file.get(), tail.data(), tail.size(), start);
  const auto newline = n <= 0 ? std::string::npos : tail.find('\n');
  return newline == std::string::npos ? start : start + static_cast<off_t>(newline) + 1;
}

Result<Copied> LogFollower::copy() {
  auto opened = open_log();
  if (!opened) {
    return opened.error();
  }
  if (!*opened) {
    return Copied::all;
  }
  // Before reading: what is written from now on makes it readable again.
  if (m_inotify) {
    drain(m_inotify.get());
  }
  std::vector<char> buffer(64 * 1024);
  for (;;) {
    // The punched-out part reads as zeros that the job never wrote.
    const off_t data = ::lseek(m_file.get(), m_offset, SEEK_DATA);
    if (data > m_offset) {
      note(fmt::format("{} of older output are gone (--log-max)",
                       format_bytes(static_cast<unsigned long long>(data - m_offset))));
      m_offset = data;
    }
    const auto n = ::pread(m_file.get(), buffer.data(), buffer.size(), m_offset);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return io_error("read", m_path, errno);
    }
    if (n == 0) {
      return Copied::all;
    }
    auto written = write_out({buffer.data(), static_cast<std::size_t>(n)});
    if (!written || *written != Copied::all) {
      return written;
    }
  }
}

Result<Copied> LogFollower::write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    if (wait_writable(m_interrupts) == Copied::interrupted) {
      return Copied::interrupted;
    }
    const auto n = ::write(STDOUT_FILENO, bytes.data(), std::min(bytes.size(), k_safe_write));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
      continue;
    }
    if (n < 0) {
      return errno == EPIPE ? Result<Copied>(Copied::closed)
                            : Result<Copied>(io_error("write", "standard output", errno));
    }
    const auto written = static_cast<std::size_t>(n);
    m_mid_line = bytes[written - 1] != '\n';
    m_offset += n;
    bytes.remove_prefix(written);
  }
  return Copied::all;
}

} // namespace gpujob::client
