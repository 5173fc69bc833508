// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/helper.h"

#include "common/errc.h"
#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/durable/background.h"
#include "daemon/durable/ops.h"

#include <array>
#include <cerrno>
#include <exception>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>

namespace gpujob::durable {

namespace {

constexpr std::size_t k_max_request = 64U << 20U;

nlohmann::json to_reply(const Error& e) {
  return {{"ok", false}, {"errc", errc_text(e.code)}, {"error", printable(e.text)}};
}

/// Whose the process is that carries it out.
enum class Process : std::uint8_t { ours, callers };

Result<nlohmann::json> perform(std::string_view text, Process process) {
  const auto request = json::parse(text, "helper request");
  if (!request) {
    return request.error();
  }
  json::Reader r(*request, "helper request");
  const auto name = r.text("op");
  if (!r.ok()) {
    return r.error();
  }
  const auto op = find_op(name);
  if (op == nullptr) {
    return Error{Errc::bad_data, fmt::format("helper request: op: '{}' is not known",
                                             printable(name.substr(0, 60)))};
  }
  if (process == Process::ours && is_background(name)) {
    give_way();
  }
  return op(r, *request);
}

/// To the end; nothing when it cannot be read or is too large.
std::optional<std::string> read_request(int fd) {
  // A memfd's position is where its writer left it; a pipe has none.
  (void)::lseek(fd, 0, SEEK_SET);
  std::string out;
  std::array<char, 65536> chunk{};
  for (;;) {
    const auto n = ::read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0 || out.size() > k_max_request) {
      return std::nullopt;
    }
    if (n == 0) {
      return out;
    }
    out.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

std::string handle(std::string_view request, Process process) {
  // The helper's own border for exceptions of the libraries: memory, JSON, file system.
  try {
    auto done = perform(request, process);
    if (!done) {
      return json::dump(to_reply(done.error()));
    }
    (*done)["ok"] = true;
    return json::dump(*done);
  } catch (const std::exception& e) {
    return json::dump(to_reply(Error{Errc::io, fmt::format("helper: {}", e.what())}));
  }
}

} // namespace

std::string handle_request(std::string_view request) {
  return handle(request, Process::callers);
}

int run_helper(int in_fd, int out_fd) {
  try {
    const auto request = read_request(in_fd);
    const auto reply =
        request ? handle(*request, Process::ours)
                : json::dump(
                      to_reply(Error{Errc::bad_data, "helper request: cannot be read, or is above "
                                                     "64 MiB"}));
    return write_all(out_fd, reply + "\n") ? 0 : 1;
  } catch (const std::exception&) {
    return 1;
  }
}

} // namespace gpujob::durable
