// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/notify.h"

#include "common/log.h"
#include "common/socket.h"
#include "common/text.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <sys/socket.h>

namespace gpujob::shim {

namespace {

/// sd_notify has no cap of its own; a frame on the link has, and no line comes near it this way.
constexpr std::size_t k_max_datagram = 64 * 1024;
constexpr std::size_t k_max_status = 1024;

std::optional<double> parse_fraction(std::string_view text) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = ec == std::errc{} && end == text.data() + text.size();
  if (!whole || !std::isfinite(value) || value < 0 || value > 1) {
    return std::nullopt;
  }
  return value;
}

std::optional<Duration> parse_usec(std::string_view text) {
  const auto usec = parse_int(text);
  if (!usec || *usec < 0) {
    return std::nullopt;
  }
  return std::chrono::microseconds{std::min<long long>(*usec, LLONG_MAX / 1000)};
}

bool is_path(std::string_view text) {
  return text.size() < PATH_MAX && text.find('\0') == std::string_view::npos;
}

void take(Notice& n, std::string_view key, std::string_view value) {
  if (key == "READY") {
    n.ready |= value == "1";
  } else if (key == "STOPPING") {
    n.stopping |= value == "1";
  } else if (key == "STATUS") {
    n.status = std::string(value.substr(0, k_max_status));
  } else if (key == "EXTEND_TIMEOUT_USEC") {
    n.extend = parse_usec(value);
  } else if (key == "X_GPUJOB_CHECKPOINT" && is_path(value)) {
    n.checkpoint = std::string(value);
  } else if (key == "X_GPUJOB_STEP") {
    n.step = parse_int(value);
  } else if (key == "X_GPUJOB_PROGRESS") {
    n.progress = parse_fraction(value);
  } else if (key == "X_GPUJOB_DONE") {
    n.done |= value == "1";
  }
}

} // namespace

Notice parse_notice(std::string_view datagram) {
  Notice n;
  while (!datagram.empty()) {
    const auto line = datagram.substr(0, datagram.find('\n'));
    const auto eq = line.find('=');
    if (eq != std::string_view::npos) {
      take(n, line.substr(0, eq), line.substr(eq + 1));
    }
    datagram.remove_prefix(std::min(line.size() + 1, datagram.size()));
  }
  return n;
}

Result<NotifySocket> NotifySocket::open(const std::string& path) {
  auto fd = listen_unix(path, SOCK_DGRAM, true);
  if (!fd) {
    return fd.error();
  }
  const int on = 1;
  if (::setsockopt(fd->get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
    return io_error("SO_PASSCRED", path, errno);
  }
  return NotifySocket(std::move(*fd));
}

bool NotifySocket::trusted(uid_t sender) {
  if (sender == ::geteuid() || sender == 0) {
    return true;
  }
  if (!m_stranger_logged) {
    log_line(fmt::format("notify: ignored: a datagram of uid {}", sender));
    m_stranger_logged = true;
  }
  return false;
}

std::vector<Notice> NotifySocket::receive(std::size_t most) {
  std::vector<Notice> out;
  // Not value-initialised: a page that no datagram reaches is never resident.
  const auto buffer = std::make_unique_for_overwrite<char[]>(k_max_datagram + 1);
  for (std::size_t i = 0; i < most; ++i) {
    const auto got = receive_with_fds(m_fd.get(), buffer.get(), k_max_datagram + 1);
    if (!got || got->would_block) {
      break;
    }
    if (got->bytes <= k_max_datagram && trusted(got->sender_uid)) {
      out.push_back(parse_notice({buffer.get(), got->bytes}));
    }
  }
  return out;
}

} // namespace gpujob::shim
