// SPDX-License-Identifier: Apache-2.0
#include "daemon/net/ask.h"

#include "common/errc.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/net/http.h"
#include "daemon/net/jupyter.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace gpujob::net {

namespace {

using namespace std::chrono_literals;
using json::Json;

/// Whoever is asked is near. What takes longer is not asked for again until the next turn.
constexpr Duration k_deadline = 2s;

struct Step {
  Request request;
  std::string answer_as; ///< the header of the next step that takes this one's answer
};

Result<Step> read_step(const Json& j) {
  json::Reader r(j, "http request");
  Step s;
  s.request.method = r.text_or("method", "GET");
  s.request.url = r.text("url");
  s.answer_as = r.text_or("answer_as", "");
  if (const auto* headers = r.find("headers"); headers != nullptr && headers->is_object()) {
    for (const auto& [name, value] : headers->items()) {
      if (value.is_string()) {
        s.request.headers.emplace_back(name, value.get<std::string>());
      }
    }
  }
  if (s.request.method != "GET" && s.request.method != "PUT") {
    r.fail("method", "is neither GET nor PUT");
  }
  return r.ok() ? Result<Step>(std::move(s)) : Result<Step>(r.error());
}

/// Requests in turn; the answer to each becomes a header of the next one where it says so. `before`
/// holds the bodies of those that came before the last, null where one was not answered with 200.
Result<Json> get(json::Reader&, const Json& request) {
  const auto steps = request.value("steps", Json::array());
  auto before = Json::array();
  std::optional<std::pair<std::string, std::string>> header;
  for (std::size_t i = 0; steps.is_array() && i < steps.size(); ++i) {
    auto step = read_step(steps[i]);
    if (!step) {
      return step.error();
    }
    if (header) {
      step->request.headers.push_back(*header);
    }
    auto reply = fetch(step->request, k_deadline);
    if (!reply) {
      return reply.error();
    }
    if (i + 1 == steps.size()) {
      return Json{{"status", reply->status},
                  {"body", json::from_bytes(reply->body)},
                  {"before", std::move(before)}};
    }
    before.push_back(reply->status == 200 ? json::from_bytes(reply->body) : Json());
    if (step->answer_as.empty()) {
      continue;
    }
    if (reply->status != 200) {
      return Error{Errc::io, fmt::format("http: {}: answers {}", printable(step->request.url),
                                         reply->status)};
    }
    header.emplace(step->answer_as, reply->body);
  }
  return Error{Errc::bad_data, "http request: steps: is not a list of some"};
}

Json instant_or_null(const std::optional<WallTime>& t) {
  return t ? Json(to_ns(*t)) : Json();
}

Json look_at(const JupyterServer& server) {
  Json out{{"found", printable(server.found)}, {"url", printable(server.url)}};
  const auto seen = look(server, k_deadline);
  if (!seen) {
    out["error"] = printable(seen.error().text);
    return out;
  }
  out.update({{"kernels", seen->kernels},
              {"busy_kernels", seen->busy_kernels},
              {"connections", seen->connections},
              {"terminals", seen->terminals},
              {"kernel_last_ns", instant_or_null(seen->kernel_last)},
              {"terminal_last_ns", instant_or_null(seen->terminal_last)}});
  return out;
}

/// What every Jupyter server that is found, or named, says of its kernels and terminals.
Result<Json> jupyter(json::Reader& r, const Json&) {
  auto servers = find_servers(r.texts_or_empty("runtime_dirs"));
  for (const auto& url : r.texts_or_empty("servers")) {
    JupyterServer named;
    named.found = "the platform's profile";
    named.url = url.ends_with('/') ? url : url + "/";
    named.any_certificate = true;
    const auto same = [&](const auto& s) { return s.url == named.url; };
    if (std::ranges::none_of(servers, same)) {
      servers.push_back(std::move(named));
    }
  }
  if (!r.ok()) {
    return r.error();
  }
  auto list = Json::array();
  for (const auto& server : servers) {
    list.push_back(look_at(server));
  }
  return Json{{"servers", std::move(list)}};
}

Result<Json> perform(std::string_view text) {
  const auto request = json::parse(text, "http request");
  if (!request) {
    return request.error();
  }
  json::Reader r(*request, "http request");
  const auto op = r.text("op");
  if (!r.ok()) {
    return r.error();
  }
  if (op == "get") {
    return get(r, *request);
  }
  if (op == "jupyter") {
    return jupyter(r, *request);
  }
  return Error{Errc::bad_data,
               fmt::format("http request: op: '{}' is not known", printable(op.substr(0, 60)))};
}

} // namespace

std::string answer(std::string_view request) {
  const auto failed = [](const Error& e) {
    return json::dump({{"ok", false}, {"errc", errc_text(e.code)}, {"error", printable(e.text)}});
  };
  try {
    auto done = perform(request);
    if (!done) {
      return failed(done.error());
    }
    (*done)["ok"] = true;
    return json::dump(*done);
  } catch (const std::exception& e) {
    return failed(Error{Errc::io, fmt::format("gpujob-http: {}", e.what())});
  }
}

} // namespace gpujob::net
