// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/link.h"

#include "common/json.h"
#include "common/log.h"
#include "common/socket.h"

#include <cerrno>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

constexpr std::int64_t k_protocol = 1;
/// So much is read from the journal at a time: several hundred lines.
constexpr std::size_t k_chunk = 64 * 1024;

Result<Command> parse_plan(json::Reader& r) {
  const auto* j = r.find("plan");
  if (j == nullptr) {
    return Error{Errc::bad_data, "link: plan: is missing"};
  }
  auto plan = plan_from_json(*j);
  if (!plan) {
    return plan.error();
  }
  return Command{NewPlan{*plan}};
}

Result<Command> parse_hello(json::Reader& r) {
  if (r.integer("v") != k_protocol) {
    r.fail("v", "is not a version this program speaks");
  }
  return Command{Hello{r.integer("from")}};
}

} // namespace

Result<Command> parse_command(std::string_view line) {
  auto j = json::parse(line, "link");
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "link");
  const auto op = r.text("op");
  Result<Command> command = Command{UnknownOp{}};
  if (op == "hello") {
    command = parse_hello(r);
  } else if (op == "plan") {
    command = parse_plan(r);
  } else if (op == "checkpoint") {
    command = Command{ContinueRequest{r.integer("request")}};
  }
  if (!r.ok()) {
    return r.error();
  }
  return command;
}

void Link::drop(std::string_view why) {
  if (!why.empty()) {
    log_line(fmt::format("link: dropped: {}", why));
  }
  m_connection.reset();
  m_greeted = false;
  m_frames = {};
  m_unsent.clear();
  m_unsent.shrink_to_fit();
}

void Link::accept_new() {
  Fd fd{::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (!fd) {
    if (errno == EMFILE || errno == ENFILE) {
      ::poll(nullptr, 0, 100); // the listener stays readable: not a loop without a pause
    }
    return;
  }
  const auto uid = peer_uid(fd.get());
  if (!uid || (*uid != ::geteuid() && *uid != 0)) {
    log_line("link: refused: a peer of another user");
    return;
  }
  drop("");
  m_connection = std::move(fd);
}

bool Link::greet(const Hello& hello) {
  if (m_greeted) {
    drop("a second hello");
    return false;
  }
  const auto reply = json::dump({{"op", "hello"},
                                 {"v", k_protocol},
                                 {"pid", ::getpid()},
                                 {"last", m_journal->last_seq()}}) +
                     "\n";
  // Nothing was sent on this connection before, so the socket has room for it.
  if (const auto sent = send_with_fd(m_connection.get(), reply, m_cmdline->get()); !sent) {
    drop(sent.error().text);
    return false;
  }
  m_greeted = true;
  m_cursor = {0, hello.from};
  return true;
}

std::vector<Command> Link::receive() {
  std::vector<Command> out;
  char buffer[16384];
  const ssize_t n = ::recv(m_connection.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    return out;
  }
  if (n <= 0 || !m_frames.feed({buffer, static_cast<std::size_t>(n)})) {
    drop(n > 0 ? "a line that is too long" : "");
    return out;
  }
  while (const auto line = m_frames.next()) {
    const auto command = parse_command(*line);
    if (!command) {
      drop(command.error().text);
      break;
    }
    if (const auto* hello = std::get_if<Hello>(&*command)) {
      if (!greet(*hello)) {
        break;
      }
    } else if (!m_greeted) {
      drop("no hello before the first command");
      break;
    } else {
      out.push_back(*command);
    }
  }
  return out;
}

/// False when the socket takes no more, or the peer is gone.
bool Link::send_some() {
  const ssize_t n =
      ::send(m_connection.get(), m_unsent.data(), m_unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      drop("");
    }
    return false;
  }
  m_unsent.erase(0, static_cast<std::size_t>(n));
  return m_unsent.empty();
}

void Link::pump() {
  // Read only when all before is sent: what is buffered never exceeds one chunk.
  while (connected()) {
    if (m_unsent.empty()) {
      m_unsent = m_journal->read(m_cursor, k_chunk);
    }
    if (m_unsent.empty() || !send_some()) {
      return;
    }
  }
}

} // namespace gpujob::shim
