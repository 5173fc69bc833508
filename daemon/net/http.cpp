// SPDX-License-Identifier: Apache-2.0
#include "daemon/net/http.h"

#include "common/duration.h"
#include "common/text.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <fmt/format.h>
#include <optional>

namespace gpujob::net {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::use_awaitable;
using asio::ip::tcp;

bool is_loopback(const Url& url) {
  boost::system::error_code ignored;
  return url.host == "localhost" || asio::ip::make_address(url.host, ignored).is_loopback();
}

std::vector<tcp::endpoint> endpoints(const Url& url) {
  if (url.host == "localhost") {
    return {{asio::ip::address_v4::loopback(), url.port},
            {asio::ip::address_v6::loopback(), url.port}};
  }
  return {{asio::ip::make_address(url.host), url.port}};
}

http::request<http::empty_body> make_message(const Url& url, const Request& request) {
  http::request<http::empty_body> m{http::string_to_verb(request.method), url.target, 11};
  const bool v6 = url.host.find(':') != std::string::npos;
  m.set(http::field::host,
        fmt::format("{}{}{}:{}", v6 ? "[" : "", url.host, v6 ? "]" : "", url.port));
  m.set(http::field::user_agent, "gpujob");
  m.set(http::field::connection, "close");
  for (const auto& [name, value] : request.headers) {
    m.set(name, value);
  }
  m.prepare_payload();
  return m;
}

template <typename Stream>
asio::awaitable<Reply> exchange(Stream& stream, const Url& url, const Request& request) {
  const auto message = make_message(url, request);
  co_await http::async_write(stream, message, use_awaitable);
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(k_max_body);
  co_await http::async_read(stream, buffer, parser, use_awaitable);
  auto answer = parser.release();
  co_return Reply{static_cast<int>(answer.result_int()), std::move(answer.body())};
}

asio::awaitable<Reply> over_tls(tcp::socket socket, const Url& url, const Request& request) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  if (request.any_certificate && is_loopback(url)) {
    context.set_verify_mode(asio::ssl::verify_none);
  } else {
    context.set_default_verify_paths();
    context.set_verify_mode(asio::ssl::verify_peer);
  }
  asio::ssl::stream<tcp::socket> stream(std::move(socket), context);
  co_await stream.async_handshake(asio::ssl::stream_base::client, use_awaitable);
  co_return co_await exchange(stream, url, request);
}

asio::awaitable<Reply> go(const Url& url, const Request& request) {
  const auto here = co_await asio::this_coro::executor;
  if (!request.unix_socket.empty()) {
    asio::local::stream_protocol::socket socket(here);
    co_await socket.async_connect(asio::local::stream_protocol::endpoint(request.unix_socket),
                                  use_awaitable);
    co_return co_await exchange(socket, url, request);
  }
  tcp::socket socket(here);
  co_await asio::async_connect(socket, endpoints(url), use_awaitable);
  if (url.tls) {
    co_return co_await over_tls(std::move(socket), url, request);
  }
  co_return co_await exchange(socket, url, request);
}

std::string why(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& e) {
    if (e.code() == http::error::body_limit) {
      return fmt::format("its answer is longer than {} KiB", k_max_body / 1024);
    }
    return e.code().message();
  } catch (const std::exception& e) {
    return e.what();
  }
}

} // namespace

Result<Reply> fetch(const Request& request, Duration deadline) {
  const auto url = parse_url(request.url);
  if (!url) {
    return url.error();
  }
  const auto fault = [&](const std::string& text) {
    const auto shown = request.url.substr(0, request.url.find('?'));
    return Error{Errc::io, fmt::format("http: {}: {}", printable(shown), printable(text))};
  };
  std::optional<Reply> reply;
  std::exception_ptr failure;
  asio::io_context io{1};
  asio::co_spawn(io, go(*url, request), [&](const std::exception_ptr& e, Reply r) {
    failure = e;
    reply = std::move(r);
  });
  io.run_for(deadline);
  if (!reply) {
    return fault(fmt::format("no answer within {}", format_duration(deadline)));
  }
  return failure ? Result<Reply>(fault(why(failure))) : std::move(*reply);
}

} // namespace gpujob::net
