// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// HTTP/1.1 with servers of this machine and its metadata service, one request at a time. Never
/// through a proxy, and no names are looked up: where it goes is near, and must be known.
namespace gpujob::net {

struct Url {
  bool tls = false;
  std::string host; ///< an address, or "localhost"
  unsigned short port = 0;
  std::string target; ///< path and query; at least "/"
};

/// "http://127.0.0.1:8888/a?b", "https://[::1]/". Errc::bad_data for anything else, a name of a
/// host among it.
Result<Url> parse_url(std::string_view text);

struct Request {
  std::string method = "GET";
  std::string url;
  std::string unix_socket; ///< connect there instead of to the URL's host; empty: no
  std::vector<std::pair<std::string, std::string>> headers;
  bool any_certificate = false; ///< a server that signed its own; only on this machine
};

struct Reply {
  int status = 0;
  std::string body;
};

/// Longer answers are an error: nothing we ask for is.
inline constexpr std::size_t k_max_body = 256U << 10U;

/// The answer, or why there was none by the deadline. Errors name the URL without its query: a
/// token may stand there.
Result<Reply> fetch(const Request& request, Duration deadline);

} // namespace gpujob::net
