// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace gpujob::durable {

/// Writes a file from front to back at the pace of its storage: what was written goes there at
/// once, and never more than a hundred megabytes wait in memory, where they would push out what the
/// job needs and hold up its own fsync. Borrows the descriptor, whose file is empty.
class SteadyWriter {
public:
  explicit SteadyWriter(int fd) : m_fd(fd) {}

  /// 0, or errno, perhaps of bytes of an earlier call: the file is lost.
  [[nodiscard]] int write(std::string_view bytes);
  /// fsync; what is read afterwards comes from the storage, as far as advice goes. 0, or errno.
  [[nodiscard]] int finish();

private:
  void pace();
  void give(std::int64_t from, std::int64_t length, unsigned how);

  int m_fd;
  std::int64_t m_written = 0;
  std::int64_t m_begun = 0; ///< up to here the storage was told to take it
  int m_lost = 0;           ///< errno of bytes that did not get there
};

} // namespace gpujob::durable
