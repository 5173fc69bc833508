// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/result.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// Unix sockets as all our programs use them: close-on-exec, descriptors by SCM_RIGHTS.
namespace gpujob {

/// A connected stream socket. Errc::unreachable when nobody listens there.
Result<Fd> connect_unix(const std::string& path);

/// Binds (an old socket file is replaced), mode 0600, listens. `type` is SOCK_STREAM or SOCK_DGRAM
/// (a datagram socket does not listen). `nonblocking` as it says.
Result<Fd> listen_unix(const std::string& path, int type, bool nonblocking);

/// SO_PEERCRED's uid of a connected socket.
Result<uid_t> peer_uid(int fd);

/// One sendmsg(2): all of `bytes` (blocking socket), with up to one descriptor.
Result<void> send_with_fd(int fd, std::string_view bytes, int passed_fd);

struct Received {
  std::size_t bytes = 0; ///< 0: end of stream
  bool would_block = false;
  std::vector<Fd> fds; ///< close-on-exec; the receiver owns and must take or close all of them
  uid_t sender_uid = static_cast<uid_t>(-1); ///< with SO_PASSCRED on a datagram socket
  pid_t sender_pid = 0;
};

/// One recvmsg(2) into `buffer`.
Result<Received> receive_with_fds(int fd, char* buffer, std::size_t size);

} // namespace gpujob
