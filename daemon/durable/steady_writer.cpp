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

/// Waiting for bytes takes their error away: the fsync after it no longer knows of it. What else
/// goes wrong is of advice: file systems that know none of it write when they like, and finish()
/// says whether they did.
void SteadyWriter::give(std::int64_t from, std::int64_t length, unsigned how) {
  if (::sync_file_range(m_fd, from, length, how) != 0 && m_lost == 0 &&
      (errno == EIO || errno == ENOSPC || errno == EDQUOT)) {
    m_lost = errno;
  }
}

void SteadyWriter::pace() {
  if (m_written - m_begun < k_window) {
    return;
  }
  give(m_begun, m_written - m_begun, SYNC_FILE_RANGE_WRITE);
  const auto before = m_begun - k_window;
  if (before >= 0) {
    give(before, k_window,
         SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
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
    if (m_lost != 0) {
      return m_lost;
    }
  }
  return 0;
}

int SteadyWriter::finish() {
  if (m_lost != 0) {
    return m_lost;
  }
  if (::fsync(m_fd) != 0) {
    return errno;
  }
  (void)::posix_fadvise(m_fd, 0, 0, POSIX_FADV_DONTNEED);
  return 0;
}

} // namespace gpujob::durable
