// SPDX-License-Identifier: Apache-2.0
#include "daemon/net/jupyter.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/text.h"
#include "daemon/net/http.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::net {

namespace {

/// Nobody has more of them; a directory full of files is not asked one by one.
constexpr std::size_t k_most_servers = 8;

bool is_runtime_file(const std::string& name) {
  return (name.starts_with("jpserver-") || name.starts_with("nbserver-")) &&
         name.ends_with(".json");
}

bool lives(std::int64_t pid) {
  return pid > 0 && pid <= INT32_MAX && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

/// Where to reach one that listens on `hostname`: a name is its own machine's, which is ours.
std::string reachable(const std::string& hostname) {
  const bool any = hostname.empty() || hostname == "*" || hostname == "0.0.0.0" || hostname == "::";
  if (any || !parse_url("http://" + hostname)) {
    return hostname.find(':') != std::string::npos && !any ? "[" + hostname + "]" : "localhost";
  }
  return hostname;
}

std::optional<JupyterServer> read_runtime_file(const std::string& path) {
  constexpr std::size_t k_max_file = 64U << 10U;
  const auto text = read_file(path, k_max_file);
  const auto j = text ? json::parse(*text, path) : Result<json::Json>(text.error());
  if (!j) {
    return std::nullopt;
  }
  json::Reader r(*j, path);
  JupyterServer s;
  s.found = path;
  s.token = r.text_or("token", "");
  s.unix_socket = r.text_or("sock", "");
  const bool secure = r.boolean_or("secure", false);
  const auto port = r.integer_or("port", 0);
  const auto host = reachable(r.text_or("hostname", ""));
  auto base = r.text_or("base_url", "/");
  if (!base.ends_with('/')) {
    base += '/';
  }
  // Over a Unix socket the host is but a word.
  s.url = s.unix_socket.empty()
              ? fmt::format("{}://{}:{}{}", secure ? "https" : "http", host, port, base)
              : "http://localhost" + base;
  s.any_certificate = true;
  return r.ok() && lives(r.integer_or("pid", 0)) ? std::optional(std::move(s)) : std::nullopt;
}

void keep_latest(std::optional<WallTime>& latest, std::optional<WallTime> t) {
  if (t && (!latest || *latest < *t)) {
    latest = t;
  }
}

Result<json::Json> get(const JupyterServer& server, const char* what, Duration deadline) {
  Request request;
  request.url = fmt::format("{}api/{}?no_track_activity=1", server.url, what);
  request.unix_socket = server.unix_socket;
  request.any_certificate = server.any_certificate;
  if (!server.token.empty()) {
    request.headers.emplace_back("Authorization", "token " + server.token);
  }
  const auto reply = fetch(request, deadline);
  if (!reply) {
    return reply.error();
  }
  const auto shown = fmt::format("jupyter: {}api/{}", printable(server.url), what);
  if (reply->status == 401 || reply->status == 403) {
    return Error{Errc::refused, fmt::format("{}: answers {}: it wants a password or another token",
                                            shown, reply->status)};
  }
  if (reply->status != 200) {
    return Error{reply->status == 404 ? Errc::not_found : Errc::io,
                 fmt::format("{}: answers {}", shown, reply->status)};
  }
  return json::parse(reply->body, shown);
}

Result<void> not_a_list(const char* what) {
  return Error{Errc::bad_data, fmt::format("jupyter: api/{}: is no list of objects", what)};
}

} // namespace

std::vector<JupyterServer> find_servers(const std::vector<std::string>& runtime_dirs) {
  std::vector<JupyterServer> out;
  for (const auto& dir : runtime_dirs) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(dir, ignored)) {
      auto server = is_runtime_file(entry.path().filename().string())
                        ? read_runtime_file(entry.path().string())
                        : std::nullopt;
      const auto known = [&](const auto& s) {
        return s.url == server->url && s.unix_socket == server->unix_socket;
      };
      if (server && std::none_of(out.begin(), out.end(), known)) {
        out.push_back(std::move(*server));
      }
      if (out.size() == k_most_servers) {
        return out;
      }
    }
  }
  return out;
}

Result<void> read_kernels(const json::Json& answer, Seen& seen) {
  if (!answer.is_array()) {
    return not_a_list("kernels");
  }
  for (const auto& kernel : answer) {
    json::Reader r(kernel, "jupyter: kernel");
    ++seen.kernels;
    seen.busy_kernels += r.text_or("execution_state", "") == "busy" ? 1 : 0;
    seen.connections +=
        static_cast<int>(std::clamp<std::int64_t>(r.integer_or("connections", 0), 0, 1000));
    keep_latest(seen.kernel_last, parse_rfc3339(r.text_or("last_activity", "")));
    if (!r.ok()) {
      return r.error();
    }
  }
  return {};
}

Result<void> read_terminals(const json::Json& answer, Seen& seen) {
  if (!answer.is_array()) {
    return not_a_list("terminals");
  }
  for (const auto& terminal : answer) {
    json::Reader r(terminal, "jupyter: terminal");
    ++seen.terminals;
    keep_latest(seen.terminal_last, parse_rfc3339(r.text_or("last_activity", "")));
    if (!r.ok()) {
      return r.error();
    }
  }
  return {};
}

Result<Seen> look(const JupyterServer& server, Duration deadline) {
  Seen seen;
  const auto kernels = get(server, "kernels", deadline);
  if (!kernels) {
    return kernels.error();
  }
  GPUJOB_TRY(read_kernels(*kernels, seen));
  // A server may have none, or them switched off.
  const auto terminals = get(server, "terminals", deadline);
  if (terminals) {
    GPUJOB_TRY(read_terminals(*terminals, seen));
  }
  return seen;
}

} // namespace gpujob::net
