// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace gpujob::client {

/// How a copy to stdout came to its end.
enum class Copied : std::uint8_t {
  all,         ///< nothing more is there now
  interrupted, ///< a signal waits to be taken
  closed,      ///< nobody reads our stdout any more
};

/// Copies a log that grows to stdout, byte for byte, each byte once. The file need not exist yet;
/// its oldest part may have been punched out (--log-max).
class LogFollower {
public:
  enum class From : std::uint8_t { start, tail };

  /// `interrupts` is polled while stdout does not take bytes; -1: none.
  LogFollower(std::string path, From from, int interrupts)
      : m_path(std::move(path)), m_from(from), m_interrupts(interrupts) {}

  /// Copies everything that is there now.
  Result<Copied> copy();

  /// Readable when the file has grown; -1 while it must be looked at from time to time instead.
  [[nodiscard]] int fd() const { return m_inotify.get(); }
  /// The last byte copied was no newline.
  [[nodiscard]] bool mid_line() const { return m_mid_line; }

private:
  Result<bool> open_log();
  off_t tail_start() const;
  void watch();
  Result<Copied> write_out(std::string_view bytes);

  std::string m_path;
  From m_from;
  int m_interrupts;
  Fd m_file;
  Fd m_inotify;
  off_t m_offset = 0;
  bool m_mid_line = false;
};

/// Whether the reader of our stdout has gone, without writing to it.
bool stdout_closed();

} // namespace gpujob::client
