// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/activity.h"

#include "common/json.h"
#include "common/text.h"
#include "daemon/platform/http_reply.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace gpujob::platform {

namespace {

using json::Json;

/// "${NAME}" becomes the variable's value; nullopt when it is not set.
std::optional<std::string> expand(const std::string& text,
                                  const std::map<std::string, std::string>& env) {
  const auto begin = text.find("${");
  const auto end = text.find('}', begin == std::string::npos ? 0 : begin);
  if (begin == std::string::npos || end == std::string::npos) {
    return text;
  }
  const auto it = env.find(text.substr(begin + 2, end - begin - 2));
  return it == env.end() || it->second.empty()
             ? std::nullopt
             : std::optional(text.substr(0, begin) + it->second + text.substr(end + 1));
}

std::optional<std::string> variable(const std::map<std::string, std::string>& env,
                                    const char* name) {
  const auto it = env.find(name);
  return it == env.end() || !it->second.starts_with('/') ? std::nullopt : std::optional(it->second);
}

void keep_latest(std::optional<WallTime>& latest, const std::optional<WallTime>& t) {
  if (t && (!latest || *latest < *t)) {
    latest = t;
  }
}

int small(json::Reader& r, const char* key) {
  return static_cast<int>(std::clamp<std::int64_t>(r.integer_or(key, 0), 0, 1'000'000));
}

void read_server(json::Reader& r, Activity& out) {
  const auto shown = fmt::format("Jupyter at {} ({})", printable(r.text_or("url", "?")),
                                 printable(r.text_or("found", "?")));
  if (r.find("error") != nullptr) {
    out.evidence.push_back(fmt::format("{}: {}", shown, printable(r.text("error"))));
    return;
  }
  const int kernels = small(r, "kernels");
  const int busy = small(r, "busy_kernels");
  const int terminals = small(r, "terminals");
  out.seen.kernels += kernels;
  out.seen.busy_kernels += busy;
  out.seen.terminals += terminals;
  out.seen.connections += small(r, "connections");
  keep_latest(out.seen.kernel_last, r.maybe_wall_time("kernel_last_ns"));
  keep_latest(out.seen.terminal_last, r.maybe_wall_time("terminal_last_ns"));
  ++out.answered;
  out.evidence.push_back(fmt::format("{}: {} kernel{}, {} of them busy, {} terminal{}", shown,
                                     kernels, kernels == 1 ? "" : "s", busy, terminals,
                                     terminals == 1 ? "" : "s"));
}

} // namespace

ActivitySources find_activity_sources(const Profile& profile,
                                      const std::map<std::string, std::string>& env,
                                      const std::string& home) {
  ActivitySources out;
  const auto add = [&](std::optional<std::string> dir, const char* below) {
    if (dir && std::ranges::find(out.runtime_dirs, *dir + below) == out.runtime_dirs.end()) {
      out.runtime_dirs.push_back(*dir + below);
    }
  };
  // The order of jupyter_core's paths.
  add(variable(env, "JUPYTER_RUNTIME_DIR"), "");
  add(variable(env, "JUPYTER_DATA_DIR"), "/runtime");
  add(variable(env, "XDG_DATA_HOME"), "/jupyter/runtime");
  add(home.starts_with('/') ? std::optional(home) : std::nullopt, "/.local/share/jupyter/runtime");
  add(std::optional<std::string>("/root"), "/.local/share/jupyter/runtime");
  for (const auto& server : profile.jupyter) {
    if (auto url = expand(server, env)) {
      out.servers.push_back(std::move(*url));
    }
  }
  return out;
}

std::string activity_request(const ActivitySources& sources) {
  return json::dump(
      {{"op", "jupyter"}, {"runtime_dirs", sources.runtime_dirs}, {"servers", sources.servers}});
}

Result<Activity> read_activity(const Result<std::string>& reply) {
  const auto j = read_http_reply(reply);
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "gpujob-http");
  Activity out;
  const auto* servers = r.find("servers");
  if (servers == nullptr || !servers->is_array()) {
    return Error{Errc::bad_data, "gpujob-http: servers: is not a list"};
  }
  for (const auto& server : *servers) {
    json::Reader one(server, "gpujob-http: server");
    read_server(one, out);
    if (!one.ok()) {
      return one.error();
    }
  }
  return out;
}

limits::Counting counting_of(const IdleCap& cap) {
  const auto counts = [&](std::string_view word) {
    return std::ranges::find(cap.counts, word) != cap.counts.end();
  };
  limits::Counting out;
  out.kernel = counts("kernel_busy") || counts("kernel_execution");
  out.frontend = counts("frontend");
  out.terminal = counts("terminal");
  return out;
}

Duration activity_interval(const Profile& p, std::string_view variant, std::string_view plan) {
  const auto* rule = idle_limit_of(p, variant, plan);
  const auto* cap = rule == nullptr ? nullptr : std::get_if<IdleCap>(&rule->what);
  if (cap == nullptr || !cap->can_be_watched()) {
    return Duration::zero();
  }
  return std::clamp<Duration>(*cap->value / 20, std::chrono::seconds{1}, std::chrono::seconds{60});
}

const LimitRule* idle_limit_of(const Profile& p, std::string_view variant, std::string_view plan) {
  const LimitRule* lowest = nullptr;
  for (const auto& rule : p.limits) {
    const auto* cap = std::get_if<IdleCap>(&rule.what);
    if (cap == nullptr || !rule.applies(variant, plan)) {
      continue;
    }
    const auto* best = lowest == nullptr ? nullptr : &std::get<IdleCap>(lowest->what);
    if (best == nullptr || (cap->value && (!best->value || *cap->value < *best->value))) {
      lowest = &rule;
    }
  }
  return lowest;
}

} // namespace gpujob::platform
