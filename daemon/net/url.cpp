// SPDX-License-Identifier: Apache-2.0
#include "common/text.h"
#include "daemon/net/http.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fmt/format.h>
#include <netinet/in.h>

namespace gpujob::net {

namespace {

bool is_address(const std::string& host) {
  in6_addr any{};
  return ::inet_pton(AF_INET, host.c_str(), &any) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

/// Splits "host:port" or "[v6]:port"; an empty port means the scheme's.
bool split_authority(std::string_view authority, Url& url) {
  std::string_view host = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) {
      return false;
    }
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  url.host = std::string(host);
  url.port = url.tls ? 443 : 80;
  if (port.empty()) {
    return true;
  }
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  return error == std::errc{} && end == port.data() + port.size() && url.port != 0;
}

bool is_printable_ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return c > ' ' && c <= '~'; });
}

} // namespace

Result<Url> parse_url(std::string_view text) {
  const auto wrong = [&](const char* why) {
    return Error{Errc::bad_data,
                 fmt::format("url: {}: {}", printable(text.substr(0, text.find('?'))), why)};
  };
  Url url;
  auto rest = text;
  if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return wrong("is neither http:// nor https://");
  }
  if (!is_printable_ascii(rest)) {
    return wrong("holds what a URL may not hold");
  }
  const auto slash = std::min(rest.find_first_of("/?"), rest.size());
  if (!split_authority(rest.substr(0, slash), url)) {
    return wrong("has no port from 1 to 65535");
  }
  if (url.host != "localhost" && !is_address(url.host)) {
    return wrong("names no address: names of hosts are not looked up");
  }
  url.target = std::string(rest.substr(slash, rest.find('#') - slash));
  if (!url.target.starts_with('/')) {
    url.target.insert(url.target.begin(), '/');
  }
  return url;
}

} // namespace gpujob::net
