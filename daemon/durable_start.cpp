// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable_start.h"

#include "common/log.h"
#include "common/remote_name.h"
#include "common/text.h"
#include "daemon/durable/sha256.h"
#include "daemon/process/helper_runner.h"

#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace gpujob {

using namespace std::chrono_literals;

namespace {

constexpr Duration k_open_deadline = 20s;
constexpr Duration k_scan_deadline = 60s;

/// Runs the loop until one helper request is answered.
Result<std::string> ask(boost::asio::io_context& io, process::HelperRunner& helpers,
                        std::string request, Duration deadline) {
  std::optional<Result<std::string>> answer;
  helpers.run("startup", process::Load::light, std::move(request), deadline,
              [&](Result<std::string> reply) { answer = std::move(reply); });
  while (!answer && io.run_one() > 0) {
  }
  io.restart();
  return answer ? std::move(*answer) : Result<std::string>(Error{Errc::io, "helper: no answer"});
}

/// A directory within one that goes with this VM keeps nothing. The other way round does no harm.
Result<void> check_apart(const std::string& dir, const std::vector<std::string>& own_dirs) {
  const auto with_slash = [](const std::string& path) {
    return std::filesystem::path(path).lexically_normal().string() + "/";
  };
  for (const auto& own : own_dirs) {
    if (with_slash(dir).starts_with(with_slash(own))) {
      return Error{Errc::refused, fmt::format("durable directory: {}: lies in {}, which goes with "
                                              "this VM: give another --durable",
                                              printable(dir), own)};
    }
  }
  return {};
}

/// A remote has a spool here, of its own.
durable_requests::Place place_of(const platform::DurableSetting& d, const std::string& session,
                                 const std::string& spools) {
  durable_requests::Place place{d.path, {}, session};
  if (const auto remote = remote_of(d.path)) {
    durable::Sha256 hash;
    hash.update(*remote);
    constexpr std::size_t k_enough = 16;
    place.dir = spools + "/" + hash.hex().substr(0, k_enough);
    place.remote = *remote;
  }
  return place;
}

bool asked_for(const platform::DurableSetting& d) {
  return d.origin == platform::Origin::flag || d.origin == platform::Origin::environment ||
         d.origin == platform::Origin::config;
}

} // namespace

Result<DurableStart> open_durable(boost::asio::io_context& io, const std::string& daemon_exe,
                                  const platform::SessionSettings& settings,
                                  const std::vector<std::string>& own_dirs,
                                  const std::string& spools, bool revive) {
  DurableStart out;
  out.place.session = settings.id;
  if (!settings.durable) {
    out.state = "none: checkpoints stay on this machine and go with it";
    out.notes.push_back("no durable directory: checkpoints stay on this machine and go with it: "
                        "gpujob daemon stop, then gpujob daemon start --durable DIR");
    return out;
  }
  const auto& d = *settings.durable;
  auto place = place_of(d, settings.id, spools);
  process::HelperRunner helpers(io, daemon_exe, {"--helper"});
  const auto apart = check_apart(d.path, own_dirs);
  const auto opened =
      apart ? durable_requests::read_open(
                  ask(io, helpers, durable_requests::open(place, d.require_mount), k_open_deadline))
            : Result<durable_requests::Opened>(apart.error());
  if (!opened && revive) {
    // Jobs run: a daemon without its durable directory is better than none. Copies are tried again.
    out.place = std::move(place);
    out.place.level = d.level.empty() ? "cached" : d.level;
    out.state = "not reachable: " + opened.error().text;
    log_line(out.state);
    return out;
  }
  if (!opened) {
    if (asked_for(d)) {
      return opened.error();
    }
    out.state = "not there: " + opened.error().text;
    out.notes.push_back("checkpoints will go with this VM: " + opened.error().text +
                        "; then gpujob daemon stop, and the same line again");
    return out;
  }
  out.place = std::move(place);
  out.place.level = d.level.empty() ? opened->level : d.level;
  out.place.filesystem = opened->filesystem;
  out.state = out.place.level;
  // Of a platform's own folder its profile knows better than the mount table.
  for (const auto& warning : d.level.empty() ? opened->warnings : std::vector<std::string>{}) {
    const auto prefix = fmt::format("durable directory: {}: ", d.path);
    out.state += "; " + (warning.starts_with(prefix) ? warning.substr(prefix.size()) : warning);
    out.notes.push_back(warning);
  }
  auto scanned = durable_requests::read_scan(
      out.place,
      ask(io, helpers, durable_requests::scan(out.place, settings.read_dirs), k_scan_deadline));
  if (!scanned && asked_for(d) && !revive) {
    return scanned.error();
  }
  if (!scanned) {
    // A daemon that asks for checkpoints and copies them is better than none.
    out.state += "; not read: " + scanned.error().text;
    log_line("durable: " + scanned.error().text);
    out.notes.push_back(scanned.error().text);
    return out;
  }
  for (const auto& problem : scanned->problems) {
    log_line("durable: " + problem);
  }
  out.scanned = std::move(*scanned);
  return out;
}

} // namespace gpujob
