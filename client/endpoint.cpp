// SPDX-License-Identifier: Apache-2.0
#include "client/endpoint.h"

#include "client/environment.h"
#include "client/output.h"
#include "common/file.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gpujob::client {

namespace {

/// As the daemon finds it (platform/inputs.cpp); empty: nowhere.
std::string config_path(const std::vector<std::string>& environment, const std::string& home) {
  const std::string xdg(value_of(environment, "XDG_CONFIG_HOME"));
  // The XDG specification: a path that is not absolute is to be ignored.
  if (xdg.starts_with('/')) {
    return xdg + "/gpujob/config.json";
  }
  return home.empty() ? std::string{} : home + "/.config/gpujob/config.json";
}

/// The two settings that the client must share with the daemon; the daemon checks the others.
Result<void> read_config(const std::string& path, PathInputs& in) {
  const auto bad = [](const std::string& why) {
    return Error{Errc::usage, fmt::format("config: {}: correct or remove it", why)};
  };
  constexpr std::size_t k_max_config = 64 * 1024;
  auto text = path.empty() ? Error{Errc::not_found, {}} : read_file(path, k_max_config);
  if (!text) {
    return text.error().code == Errc::not_found ? Result<void>{} : bad(text.error().text);
  }
  auto document = json::parse(*text, path);
  if (!document) {
    return bad(document.error().text);
  }
  json::Reader reader(*document, path);
  in.config_runtime = reader.text_or("runtime_dir", "");
  in.config_state = reader.text_or("state_dir", "");
  return reader.ok() ? Result<void>{} : bad(reader.error().text);
}

/// The directory of $GPUJOB_SOCKET, when we run inside a job.
std::string surrounding_runtime(const std::vector<std::string>& environment) {
  const std::string socket(value_of(environment, "GPUJOB_SOCKET"));
  const auto dir = socket.substr(0, socket.find_last_of('/'));
  const bool known = !dir.empty() && RuntimePaths{dir}.socket() == socket;
  return known && !value_of(environment, "GPUJOB_JOB_ID").empty() ? dir : std::string{};
}

} // namespace

Result<Endpoint> locate_daemon(const std::vector<std::string>& environment,
                               const std::string& flag_runtime) {
  PathInputs in;
  in.flag_runtime = flag_runtime;
  in.env_runtime = value_of(environment, "GPUJOB_RUNTIME_DIR");
  in.home = value_of(environment, "HOME");
  in.uid = ::geteuid();
  if (auto read = read_config(config_path(environment, in.home), in); !read) {
    // A slip in it must not keep anybody from looking or stopping; a start it keeps from.
    const RuntimePaths usual{choose_runtime_dir(in).path};
    if (::access(usual.socket().c_str(), F_OK) != 0) {
      return read.error();
    }
    note(read.error().text);
  }
  const auto surrounding = surrounding_runtime(environment);
  if (!surrounding.empty() && in.flag_runtime.empty() && in.env_runtime.empty()) {
    return Endpoint{{surrounding}, "job", false};
  }
  auto chosen = choose_runtime_dir(in);
  return Endpoint{{std::move(chosen.path)}, std::move(chosen.origin), true};
}

} // namespace gpujob::client
