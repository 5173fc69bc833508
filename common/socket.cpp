// SPDX-License-Identifier: Apache-2.0
#include "common/socket.h"

#include "common/paths.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gpujob {

namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void take_fds(const cmsghdr* c, std::vector<Fd>& out) {
  const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
    out.emplace_back(fd);
  }
}

} // namespace

Result<Fd> connect_unix(const std::string& path) {
  GPUJOB_TRY(check_socket_path(path));
  Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd) {
    return io_error("socket", path, errno);
  }
  const auto address = address_of(path);
  int rc = 0;
  do {
    rc = ::connect(fd.get(), generic(address), sizeof address);
  } while (rc != 0 && errno == EINTR);
  if (rc != 0) {
    auto error = io_error("connect", path, errno);
    error.code = Errc::unreachable;
    return error;
  }
  return fd;
}

Result<Fd> listen_unix(const std::string& path, int type, bool nonblocking) {
  GPUJOB_TRY(check_socket_path(path));
  Fd fd{::socket(AF_UNIX, type | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0)};
  if (!fd) {
    return io_error("socket", path, errno);
  }
  ::unlink(path.c_str());
  const auto address = address_of(path);
  // The directory is 0700, so nobody reaches the socket between bind and chmod.
  if (::bind(fd.get(), generic(address), sizeof address) != 0 || ::chmod(path.c_str(), 0600) != 0) {
    return io_error("bind", path, errno);
  }
  if (type == SOCK_STREAM && ::listen(fd.get(), SOMAXCONN) != 0) {
    return io_error("listen", path, errno);
  }
  return fd;
}

Result<uid_t> peer_uid(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return io_error("SO_PEERCRED", fmt::format("descriptor {}", fd), errno);
  }
  return credentials.uid;
}

Result<void> send_with_fd(int fd, std::string_view bytes, int passed_fd) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  while (!bytes.empty()) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (passed_fd >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* c = CMSG_FIRSTHDR(&message);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(c), &passed_fd, sizeof passed_fd);
    }
    const ssize_t n = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return io_error("send", fmt::format("descriptor {}", fd), errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    passed_fd = -1;
  }
  return {};
}

Result<Received> receive_with_fds(int fd, char* buffer, std::size_t size) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 32) + CMSG_SPACE(sizeof(ucred))];
  iovec part{buffer, size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = 0;
  do {
    n = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  Received received;
  if (n < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      received.would_block = true;
      return received;
    }
    return io_error("receive", fmt::format("descriptor {}", fd), errno);
  }
  received.bytes = static_cast<std::size_t>(n);
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET) {
      continue;
    }
    if (c->cmsg_type == SCM_RIGHTS) {
      take_fds(c, received.fds);
    } else if (c->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(c), sizeof credentials);
      received.sender_uid = credentials.uid;
      received.sender_pid = credentials.pid;
    }
  }
  return received;
}

} // namespace gpujob
