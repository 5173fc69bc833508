// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/steady_writer.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

/// A disk of 400 MB/s takes this in 80 ms; two of them are under way. With 8 MiB a fast one idled
/// in between.
constexpr std::int64_t k_window = 32LL << 20U;

} // namespace

/// All errors but those of write and fsync are of advice: file systems that know none of it write
/// when they like, and finish() says whether they did.
void SteadyWriter::pace() {
  if (m_written - m_begun < k_window) {
    return;
  }
  (void)::sync_file_range(m_fd, m_begun, m_written - m_begun, SYNC_FILE_RANGE_WRITE);
  const auto before = m_begun - k_window;
  if (before >= 0) {
    (void)::sync_file_range(m_fd, before, k_window,
                            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                SYNC_FILE_RANGE_WAIT_AFTER);
    (void)::posix_fadvise(m_fd, before, k_window, POSIX_FADV_DONTNEED);
  }
  m_begun = m_written;
}

int SteadyWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(m_fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return n < 0 ? errno : ENOSPC;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    m_written += n;
    pace();
  }
  return 0;
}

int SteadyWriter::finish() {
  if (::fsync(m_fd) != 0) {
    return errno;
  }
  (void)::posix_fadvise(m_fd, 0, 0, POSIX_FADV_DONTNEED);
  return 0;
}

} // namespace gpujob::durable
