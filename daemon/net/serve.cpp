// SPDX-License-Identifier: Apache-2.0
#include "daemon/net/serve.h"

#include "common/file.h"
#include "common/text.h"
#include "daemon/process/helper_runner.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <fmt/format.h>
#include <list>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>

namespace gpujob::net {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace std::chrono_literals;

/// Who wants a page says so at once; until then it may be anybody on this machine.
constexpr auto k_request_deadline = 1s;
constexpr auto k_answer_deadline = 5s;
/// A daemon that hangs is waited for no longer than a scraper waits.
constexpr auto k_page_deadline = 8s;
constexpr int k_most_connections = 16;
constexpr std::size_t k_longest_header = 8U << 10U;
constexpr const char* k_content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";

using Response = http::response<http::string_body>;

/// In a time that does not tell how much of it was right.
bool same(std::string_view given, std::string_view token) {
  unsigned char differs = given.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const char g = given.empty() ? '\0' : given[i % given.size()];
    differs = static_cast<unsigned char>(
        differs | (static_cast<unsigned char>(g) ^ static_cast<unsigned char>(token[i])));
  }
  return differs == 0;
}

class Server {
public:
  Server(asio::io_context& io, const ServePlan& plan)
      : m_io(io), m_plan(plan), m_pages(io, plan.program, {"metrics"}, "the daemon") {}

  asio::awaitable<void> accept(tcp::acceptor& acceptor) {
    for (;;) {
      auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(use_awaitable));
      if (error == asio::error::operation_aborted) {
        co_return;
      }
      if (error) { // out of descriptors: not at once again
        asio::steady_timer pause(m_io, 100ms);
        co_await pause.async_wait(use_awaitable);
        continue;
      }
      if (m_connections >= k_most_connections) {
        if (m_silent.empty()) {
          continue;
        }
        m_silent.front()->close(); // who has said nothing for longest makes way
        m_silent.pop_front();
      }
      ++m_connections;
      asio::co_spawn(m_io, talk(std::move(socket)), [this](const std::exception_ptr&) {
        --m_connections; // whatever went wrong was between it and its caller
      });
    }
  }

private:
  asio::awaitable<void> talk(tcp::socket socket) {
    beast::tcp_stream stream(std::move(socket));
    stream.expires_after(k_request_deadline);
    beast::flat_buffer buffer;
    http::request_parser<http::empty_body> parser;
    parser.header_limit(k_longest_header);
    m_silent.push_back(&stream);
    const auto [failed, read] =
        co_await http::async_read(stream, buffer, parser, asio::as_tuple(use_awaitable));
    m_silent.remove(&stream);
    if (failed) {
      co_return;
    }
    auto response = co_await answer(parser.get());
    response.version(parser.get().version());
    response.set(http::field::server, "gpujob");
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(false);
    response.prepare_payload();
    stream.expires_after(k_answer_deadline);
    co_await http::async_write(stream, response, use_awaitable);
    beast::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  static Response plain(http::status status, std::string text) {
    Response r;
    r.result(status);
    r.set(http::field::content_type, "text/plain; charset=utf-8");
    r.body() = std::move(text) + "\n";
    return r;
  }

  asio::awaitable<Response> answer(const http::request<http::empty_body>& request) {
    constexpr std::string_view k_scheme = "Bearer ";
    const std::string_view given(request[http::field::authorization].data(),
                                 request[http::field::authorization].size());
    if (!given.starts_with(k_scheme) || !same(given.substr(k_scheme.size()), m_plan.token)) {
      auto r = plain(http::status::unauthorized, "the token is missing, or is not the one");
      r.set(http::field::www_authenticate, "Bearer");
      co_return r;
    }
    if (request.target() != "/metrics") {
      co_return plain(http::status::not_found, "there is only /metrics");
    }
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      co_return plain(http::status::method_not_allowed, "only GET");
    }
    const auto page = co_await make_page();
    if (!page) {
      co_return plain(http::status::service_unavailable, printable(page.error().text));
    }
    auto r = plain(http::status::ok, "");
    r.set(http::field::content_type, k_content_type);
    r.body() = request.method() == http::verb::head ? "" : *page;
    co_return r;
  }

  asio::awaitable<Result<std::string>> make_page() {
    auto page = std::make_shared<std::optional<Result<std::string>>>();
    auto made = std::make_shared<asio::steady_timer>(m_io, asio::steady_timer::time_point::max());
    m_pages.run(std::to_string(m_next++), process::Load::light, "", k_page_deadline,
                [page, made](Result<std::string> text) {
                  page->emplace(std::move(text));
                  made->cancel();
                });
    boost::system::error_code woken;
    co_await made->async_wait(asio::redirect_error(use_awaitable, woken));
    co_return *page ? **page : Result<std::string>(Error{Errc::io, "metrics: ended"});
  }

  asio::io_context& m_io;
  const ServePlan& m_plan;
  process::HelperRunner m_pages;
  int m_connections = 0;
  std::list<beast::tcp_stream*> m_silent; ///< of those, who has not asked yet; oldest first
  std::uint64_t m_next = 0;
};

} // namespace

Result<void> serve(const ServePlan& plan) {
  const auto fault = [&](Errc code, const std::string& why) {
    return Error{code, fmt::format("metrics: {}:{}: {}", printable(plan.address), plan.port, why)};
  };
  boost::system::error_code error;
  const auto address = asio::ip::make_address(plan.address, error);
  if (error || !address.is_loopback()) {
    return fault(Errc::usage, "is no address of this machine alone: 127.0.0.1 and ::1 are");
  }
  asio::io_context io{1};
  tcp::acceptor acceptor(io);
  const tcp::endpoint here(address, plan.port);
  acceptor.open(here.protocol(), error);
  if (!error) {
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
  }
  if (!error) {
    acceptor.bind(here, error);
  }
  if (!error) {
    acceptor.listen(k_most_connections, error);
  }
  if (error) {
    return fault(Errc::io, error.message() + ": choose another port");
  }
  Server server(io, plan);
  asio::signal_set ends(io, SIGINT, SIGTERM);
  ends.async_wait([&](const boost::system::error_code&, int) { io.stop(); });
  // A gpujob that was a container's first process became us with TERM held back.
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_UNBLOCK, &term, nullptr);
  const auto port = acceptor.local_endpoint().port();
  const bool v6 = address.is_v6();
  (void)write_all(STDOUT_FILENO, fmt::format("http://{}{}{}:{}/metrics\n", v6 ? "[" : "",
                                             plan.address, v6 ? "]" : "", port));
  asio::co_spawn(io, server.accept(acceptor), [](const std::exception_ptr&) {});
  io.run();
  return {};
}

} // namespace gpujob::net
