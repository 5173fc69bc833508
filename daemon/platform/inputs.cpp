// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/inputs.h"

#include "common/file.h"
#include "common/json.h"
#include "daemon/platform/keys.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unistd.h>

namespace gpujob::platform {

namespace {

/// A variable's value; one that is set to nothing says nothing.
std::optional<std::string> variable(const std::vector<std::string>& env, std::string_view name) {
  for (const auto& entry : env) {
    if (entry.size() > name.size() + 1 && entry[name.size()] == '=' && entry.starts_with(name)) {
      return entry.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

SettingTexts from_environment(const std::vector<std::string>& env) {
  SettingTexts t;
  t.platform = variable(env, "GPUJOB_PLATFORM");
  t.session_limit = variable(env, "GPUJOB_SESSION_LIMIT");
  t.session_start = variable(env, "GPUJOB_SESSION_START");
  t.durable = variable(env, "GPUJOB_DURABLE_DIR");
  t.state_dir = variable(env, "GPUJOB_STATE_DIR");
  t.runtime_dir = variable(env, "GPUJOB_RUNTIME_DIR");
  return t;
}

std::optional<std::string> maybe_text(json::Reader& r, const char* key) {
  return r.find(key) == nullptr ? std::nullopt : std::optional(r.text(key));
}

Result<SettingTexts> parse_config(const std::string& text, const std::string& path) {
  auto j = json::parse(text, path);
  if (!j) {
    return Error{Errc::bad_data, j.error().text + ": repair it or move it away"};
  }
  GPUJOB_TRY(check_keys(*j,
                        {"platform", "plan", "session_limit", "session_start", "durable",
                         "state_dir", "runtime_dir", "slots", "notices", "on_warning", "flush"},
                        path));
  json::Reader r(*j, path);
  SettingTexts t;
  t.platform = maybe_text(r, "platform");
  t.plan = maybe_text(r, "plan");
  t.session_limit = maybe_text(r, "session_limit");
  t.session_start = maybe_text(r, "session_start");
  t.durable = maybe_text(r, "durable");
  t.state_dir = maybe_text(r, "state_dir");
  t.runtime_dir = maybe_text(r, "runtime_dir");
  t.notices = maybe_text(r, "notices");
  t.on_warning = maybe_text(r, "on_warning");
  t.flush = maybe_text(r, "flush");
  if (const auto slots = r.maybe_integer("slots")) {
    t.slots = std::to_string(*slots);
  }
  if (!r.ok()) {
    return r.error();
  }
  return t;
}

/// A file that is not there says nothing.
Result<SettingTexts> read_config(const std::string& path) {
  if (path.empty()) {
    return SettingTexts{};
  }
  constexpr std::size_t k_max_config = 64 * 1024;
  const auto text = read_file(path, k_max_config);
  if (text) {
    return parse_config(*text, path);
  }
  return text.error().code == Errc::not_found ? Result<SettingTexts>(SettingTexts{}) : text.error();
}

std::string find_config(const std::vector<std::string>& env, const std::string& home) {
  // The XDG specification: a path that is not absolute is to be ignored.
  if (const auto xdg = variable(env, "XDG_CONFIG_HOME"); xdg && xdg->front() == '/') {
    return *xdg + "/gpujob/config.json";
  }
  return home.empty() ? std::string{} : home + "/.config/gpujob/config.json";
}

} // namespace

std::vector<std::string> read_environment() {
  std::vector<std::string> env;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    env.emplace_back(*entry);
  }
  return env;
}

Result<Inputs> make_inputs(SettingTexts flags, std::vector<std::string> env, unsigned uid,
                           bool revive) {
  Inputs in;
  in.flags = std::move(flags);
  in.environment = from_environment(env);
  in.home = variable(env, "HOME").value_or("");
  in.uid = uid;
  in.config_path = find_config(env, in.home);
  in.env = std::move(env);
  auto config = read_config(in.config_path);
  if (config) {
    in.config = std::move(*config);
  } else if (!revive) {
    return config.error();
  }
  return in;
}

PathInputs path_inputs(const Inputs& in) {
  PathInputs p;
  p.flag_runtime = in.flags.runtime_dir.value_or("");
  p.flag_state = in.flags.state_dir.value_or("");
  p.env_runtime = in.environment.runtime_dir.value_or("");
  p.env_state = in.environment.state_dir.value_or("");
  p.config_runtime = in.config.runtime_dir.value_or("");
  p.config_state = in.config.state_dir.value_or("");
  p.home = in.home;
  p.uid = in.uid;
  return p;
}

} // namespace gpujob::platform
