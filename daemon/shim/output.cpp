// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/output.h"

#include "common/file.h"
#include "common/log.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

/// Read in one go at most; a job that writes faster has no sentinel anybody could rely on.
constexpr std::int64_t k_max_scan = 4 << 20;
constexpr std::size_t k_max_line = 8 * 1024;
constexpr std::size_t k_read = 32 * 1024;
/// Holes are whole blocks; 4 KiB is the block of all file systems in question, or a multiple of it.
constexpr std::int64_t k_block = 4096;
/// Descriptors may be short for a moment, and there is no second time: the job inherits it.
constexpr int k_opens = 4;
constexpr int k_pause_ms = 10;

} // namespace

std::optional<std::string> sentinel_path(std::string_view line) {
  constexpr std::string_view k_with_path = "gpujob: checkpoint ";
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  if (line == "jobd-checkpoint-complete") {
    return std::string();
  }
  if (!line.starts_with(k_with_path) || line.size() == k_with_path.size() ||
      line.size() - k_with_path.size() >= PATH_MAX || line.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  return std::string(line.substr(k_with_path.size()));
}

void SentinelScanner::keep(std::string_view part) {
  if (m_discard || m_line.size() + part.size() > k_max_line) {
    skipped();
    return;
  }
  m_line += part;
}

void SentinelScanner::skipped() {
  m_line.clear();
  m_discard = true;
}

std::vector<std::string> SentinelScanner::feed(std::string_view bytes) {
  std::vector<std::string> found;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    keep(bytes.substr(0, end));
    if (end == std::string_view::npos) {
      break;
    }
    for (auto& path : finish()) {
      found.push_back(std::move(path));
    }
    bytes.remove_prefix(end + 1);
  }
  return found;
}

std::vector<std::string> SentinelScanner::finish() {
  std::vector<std::string> found;
  if (auto path = m_discard ? std::nullopt : sentinel_path(m_line)) {
    found.push_back(std::move(*path));
  }
  m_line.clear();
  m_discard = false;
  return found;
}

Output::Output(const std::string& path, std::int64_t max_bytes)
    : m_path(path), m_max_bytes(max_bytes) {
  auto fd = open_file(path, O_RDWR | O_CREAT | O_APPEND);
  for (int i = 1; i < k_opens && !fd; ++i) {
    ::poll(nullptr, 0, k_pause_ms);
    fd = open_file(path, O_RDWR | O_CREAT | O_APPEND);
  }
  if (!fd) {
    log_line("output: lost: " + fd.error().text);
    return;
  }
  m_fd = std::move(*fd);
}

std::vector<std::string> Output::scan() {
  std::vector<std::string> found;
  struct stat st {};
  if (!m_fd || ::fstat(m_fd.get(), &st) != 0 || st.st_size == m_offset) {
    return found;
  }
  if (st.st_size < m_offset || st.st_size - m_offset > k_max_scan) {
    m_scanner.skipped();
    m_offset = std::max<std::int64_t>(0, st.st_size - k_max_scan);
  }
  const auto buffer = std::make_unique_for_overwrite<char[]>(k_read);
  while (m_offset < st.st_size) {
    const ssize_t n = ::pread(m_fd.get(), buffer.get(), k_read, m_offset);
    if (n <= 0) {
      break;
    }
    m_offset += n;
    for (auto& path : m_scanner.feed({buffer.get(), static_cast<std::size_t>(n)})) {
      found.push_back(std::move(path));
    }
  }
  return found;
}

std::vector<std::string> Output::finish() {
  auto found = scan();
  for (auto& path : m_scanner.finish()) {
    found.push_back(std::move(path));
  }
  return found;
}

void Output::enforce_cap() {
  struct stat st {};
  if (m_max_bytes <= 0 || !m_fd || ::fstat(m_fd.get(), &st) != 0 ||
      st.st_blocks * 512 <= m_max_bytes) {
    return;
  }
  const auto end = (st.st_size - m_max_bytes / 2) / k_block * k_block;
  if (end <= 0 ||
      ::fallocate(m_fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, end) != 0) {
    log_line("output: grows past its cap: " + io_error("fallocate", m_path, errno).text);
    m_max_bytes = 0; // it will not work the next time either
  }
}

void Output::say(std::string_view line) {
  if (m_fd) {
    (void)write_all(m_fd.get(), fmt::format("gpujob: {}\n", line));
  }
}

} // namespace gpujob::shim
