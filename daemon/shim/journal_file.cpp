// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/journal_file.h"

#include "common/file.h"
#include "common/frame.h"
#include "common/log.h"

#include <algorithm>
#include <fcntl.h>

namespace gpujob::shim {

void JournalFile::append(journal::Body body, Now now) {
  const journal::Record record{m_last_seq + 1, now.boot, now.wall, std::move(body)};
  m_waiting.push_back({record.seq, journal::encode(record)});
  m_last_seq = record.seq; // after what may throw: a number that is left out would be missed
  flush();
}

bool JournalFile::flush() {
  while (!m_waiting.empty() && write(m_waiting.front().text)) {
    m_waiting.pop_front();
  }
  return m_waiting.empty();
}

bool JournalFile::open() {
  if (m_fd) {
    return true;
  }
  auto fd = open_file(m_path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND);
  if (!fd) {
    if (!m_failed) {
      log_line("journal: kept in memory: " + fd.error().text);
    }
    m_failed = true;
    return false;
  }
  m_fd = std::move(*fd);
  return true;
}

bool JournalFile::write(const std::string& line) {
  if (!open()) {
    return false;
  }
  const ssize_t n = ::write(m_fd.get(), line.data(), line.size());
  if (n == static_cast<ssize_t>(line.size())) {
    m_size += n;
    m_failed = false;
    return true;
  }
  if (!m_failed) {
    log_line("journal: kept in memory: " + io_error("write", m_path, n < 0 ? errno : ENOSPC).text);
  }
  m_failed = true;
  // Half a line (the disk is full) must not stand before the next one.
  (void)!::ftruncate(m_fd.get(), m_size);
  return false;
}

namespace {

/// The whole lines at the start of `chunk` that lie after the cursor.
std::string take_lines(std::string_view chunk, JournalFile::Cursor& cursor) {
  std::string out;
  for (auto end = chunk.find('\n'); end != std::string_view::npos; end = chunk.find('\n')) {
    const auto line = chunk.substr(0, end + 1);
    const auto record = journal::decode(line);
    if (record && record->seq > cursor.seen) {
      out += line;
      cursor.seen = record->seq;
    }
    cursor.offset += static_cast<off_t>(line.size());
    chunk.remove_prefix(line.size());
  }
  return out;
}

} // namespace

std::string JournalFile::read(Cursor& cursor, std::size_t bytes) const {
  // A line always fits: the link could not carry a longer one either.
  std::string chunk;
  while (cursor.offset < m_size) {
    const auto left = static_cast<std::size_t>(m_size - cursor.offset);
    chunk.resize(std::min(left, std::max(bytes, k_max_frame)));
    const ssize_t n = ::pread(m_fd.get(), chunk.data(), chunk.size(), cursor.offset);
    const auto before = cursor.offset;
    auto lines = n > 0 ? take_lines({chunk.data(), static_cast<std::size_t>(n)}, cursor) : "";
    if (!lines.empty()) {
      return lines;
    }
    if (cursor.offset == before) {
      break;
    }
  }
  std::string out;
  for (const auto& line : m_waiting) {
    if (line.seq > cursor.seen && out.size() < bytes) {
      out += line.text;
      cursor.seen = line.seq;
    }
  }
  return out;
}

} // namespace gpujob::shim
