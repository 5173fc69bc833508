// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob::shim {

/// What one sd_notify datagram says to us; every other key is accepted and ignored.
struct Notice {
  bool ready = false;
  bool stopping = false;
  bool done = false;
  std::optional<std::string> status;
  std::optional<Duration> extend;
  std::optional<std::string> checkpoint; ///< the path as sent, empty: none was named
  std::optional<std::int64_t> step;
  std::optional<double> progress; ///< 0..1

  friend bool operator==(const Notice&, const Notice&) = default;
};

/// Any bytes are fine: what cannot be understood is left out. Last of a repeated key wins.
Notice parse_notice(std::string_view datagram);

/// The job's NOTIFY_SOCKET. Owns the socket; the owner polls fd().
class NotifySocket {
public:
  static Result<NotifySocket> open(const std::string& path);

  [[nodiscard]] int fd() const { return m_fd.get(); }
  /// What has come, at most `most` datagrams. Descriptors that came along are closed, which is what
  /// a BARRIER=1 waits for.
  std::vector<Notice> receive(std::size_t most);

private:
  explicit NotifySocket(Fd fd) : m_fd(std::move(fd)) {}
  [[nodiscard]] bool trusted(uid_t sender);

  Fd m_fd;
  bool m_stranger_logged = false;
};

} // namespace gpujob::shim
