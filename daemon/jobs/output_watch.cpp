// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/output_watch.h"

#include "common/fd.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::jobs {

namespace {
/// A look reads no more than this: the newest bar is at the end.
constexpr std::int64_t k_most_read = 64 << 10;
} // namespace

OutputWatch::OutputWatch(std::string path) : m_path(std::move(path)) {}

std::optional<ProgressBar> OutputWatch::look() {
  struct stat file {};
  if (::stat(m_path.c_str(), &file) != 0 || !S_ISREG(file.st_mode) || file.st_size == m_read) {
    return std::nullopt;
  }
  const Fd fd(::open(m_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return std::nullopt;
  }
  const auto from = std::max<std::int64_t>(file.st_size - k_most_read, 0);
  if (file.st_size < m_read || from > m_read) { // somebody has cut it off, or there is too much
    m_reader.skip();
    m_read = from;
  }
  std::string piece(static_cast<std::size_t>(file.st_size - m_read), '\0');
  const auto n = ::pread(fd.get(), piece.data(), piece.size(), m_read);
  if (n <= 0) {
    return std::nullopt;
  }
  piece.resize(static_cast<std::size_t>(n));
  m_read += n;
  return m_reader.read(piece);
}

} // namespace gpujob::jobs
