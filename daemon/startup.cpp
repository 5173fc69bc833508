// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup.h"

#include "common/file.h"
#include "common/id.h"
#include "common/json.h"
#include "common/log.h"
#include "common/socket.h"
#include "daemon/durable_start.h"
#include "daemon/platform/choice.h"
#include "daemon/platform/profile.h"
#include "daemon/platform/resolve.h"
#include "daemon/platform/user_profiles.h"
#include "daemon/remember.h"
#include "daemon/session_world.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gpujob {

using namespace std::chrono_literals;

namespace {

std::string own_path() {
  std::error_code ec;
  return std::filesystem::read_symlink("/proc/self/exe", ec).string();
}

Result<void> redirect_to(const std::string& log_path) {
  auto null = open_file("/dev/null", O_RDWR);
  auto log = open_file(log_path, O_WRONLY | O_CREAT | O_APPEND);
  if (!null || !log) {
    return null ? log.error() : null.error();
  }
  ::dup2(null->get(), STDIN_FILENO);
  ::dup2(log->get(), STDOUT_FILENO);
  ::dup2(log->get(), STDERR_FILENO);
  ::setsid(); // fails where we lead a session already, which is as good
  (void)!::chdir("/");
  return {};
}

Result<std::string> find_shim(const std::string& daemon_exe) {
  const auto path = std::filesystem::path(daemon_exe).parent_path().string() + "/gpujob-shim";
  if (::access(path.c_str(), X_OK) != 0) {
    return Error{Errc::io, fmt::format("gpujob-shim: {}: not there or not executable: install it "
                                       "beside gpujobd",
                                       path)};
  }
  return path;
}

/// What was said to this session's daemons on the command line, for the one who says it again.
void remember_given(platform::SessionSettings& settings, const platform::SettingTexts& flags,
                    const std::optional<platform::SessionSettings>& stored) {
  if (stored && stored->id == settings.id) {
    settings.given = stored->given;
  }
  const auto add = [&](const char* flag, const std::optional<std::string>& text) {
    if (text) {
      settings.given[flag] = *text;
    }
  };
  add("--platform", flags.platform);
  add("--plan", flags.plan);
  add("--session-limit", flags.session_limit);
  add("--session-start", flags.session_start);
  add("--durable", flags.durable);
  add("--slots", flags.slots);
  add("--notices", flags.notices);
  add("--on-warning", flags.on_warning);
  add("--flush", flags.flush);
  add("--state", flags.state_dir);
}

/// A shim that looks whether a daemon lives holds the lock for an instant: ask more than once.
Result<Fd> take_daemon_lock(const std::string& path) {
  constexpr int k_tries = 5;
  constexpr int k_pause_ms = 10;
  auto lock = lock_file(path);
  for (int i = 1; i < k_tries && !lock && lock.error().code == Errc::refused; ++i) {
    ::poll(nullptr, 0, k_pause_ms);
    lock = lock_file(path);
  }
  if (!lock && lock.error().code == Errc::refused) {
    return Error{Errc::refused, fmt::format("daemon: {}: one is running already", path)};
  }
  return lock;
}

/// What a user must hear before the night, not after it.
std::vector<std::string> notes_for(const platform::SessionSettings& s, const DurableStart& durable,
                                   bool end_is_asked) {
  auto notes = durable.notes;
  const auto limit = s.settings.find("session_limit");
  if (!s.limit && !end_is_asked &&
      (limit == s.settings.end() || limit->second.origin != platform::Origin::flag)) {
    notes.push_back("the session's end is not known: nothing will be asked to save before it: "
                    "gpujob daemon stop, then gpujob daemon start --session-limit 9h");
  }
  if (s.platform == "generic") {
    for (const auto& conflict : s.conflicts) {
      notes.push_back("no platform is sure: " + conflict);
    }
  }
  for (const auto& [name, setting] : s.settings) {
    if (!setting.note.empty()) {
      notes.push_back(name + ": " + setting.note);
    }
  }
  return notes;
}

std::string make_vm_id(const platform::Facts& facts) {
  const auto pid1 = facts.pid1_start_ticks ? fmt::format("{}", *facts.pid1_start_ticks) : "unknown";
  return facts.boot_id + "/" + pid1;
}

Revive make_revive(const std::string& exe, const RuntimePaths& runtime, const StatePaths& state) {
  return Revive{exe,
                {"--background", "--revive", "--runtime", runtime.dir, "--state", state.dir},
                runtime.lock(),
                runtime.stop_marker()};
}

SessionWatch::Plan plan_watch(const Outlook::Parts& session,
                              const platform::ResolveRequest& request) {
  SessionWatch::Plan plan;
  plan.every =
      platform::activity_interval(session.profile, session.settings.variant, session.settings.plan);
  plan.activity =
      platform::find_activity_sources(session.profile, request.facts.env, request.inputs.home);
  const auto notices = session.settings.settings.find(platform::key::k_notices.name);
  if (notices != session.settings.settings.end() && notices->second.value) {
    if (const auto source = platform::parse_notices(*notices->second.value, "")) {
      plan.notices = *source;
    }
  }
  const auto key = session.profile.key_variable.empty()
                       ? std::string{}
                       : request.facts.variable(session.profile.key_variable);
  plan.end = platform::find_end_question(session.profile, key, platform::read_environment());
  return plan;
}

/// This session as it was, or as it is found to be; and what the database remembers.
Result<Remembered> open_session(AppParts& parts, platform::ResolveRequest request) {
  parts.user_profiles = platform::user_profile_dir(request.inputs.config_path);
  auto profiles = platform::load_profiles(parts.user_profiles, &parts.broken_profiles);
  if (!profiles) {
    return profiles.error();
  }
  request.facts = platform::collect_facts(*profiles, {"", platform::read_environment()});
  request.new_session_id = random_id();
  parts.session.vm_id = make_vm_id(request.facts);
  const auto& state = parts.places.state;
  auto remembered = remember(state, parts.session.vm_id);
  if (!remembered) {
    return remembered;
  }
  request.stored = remembered->settings;
  auto settings = platform::resolve_settings(request, *profiles, read_clocks());
  if (!settings) {
    return settings.error();
  }
  // One of another platform does not matter here; with this one's the limits would be others.
  if (const auto broken = parts.broken_profiles.find(settings->platform);
      broken != parts.broken_profiles.end() && !request.revive) {
    return Error{Errc::bad_data, broken->second + ": correct or remove it"};
  }
  remember_given(*settings, request.inputs.flags, request.stored);
  auto& session = parts.session;
  session.profile = *platform::find_profile(*profiles, settings->platform);
  session.resource = platform::resource_of(*settings, request.facts);
  session.machine = session.profile.machine.empty() ? platform::machine_of(request.facts)
                                                    : session.profile.machine;
  session.settings = std::move(*settings);
  parts.watch = plan_watch(session, request);
  parts.notices = read_notices(state, session.settings.id);
  parts.store = std::move(remembered->store);
  return remembered;
}

/// Only when all works: settings that did not must not come back with the session.
Result<void> save_settings(const AppParts& parts) {
  const auto text = json::dump(to_json(parts.session.settings));
  GPUJOB_TRY(parts.store->save_session({parts.session.settings.id, text}));
  return atomic_replace(parts.places.state.session(), text);
}

} // namespace

Result<Startup> start_up(boost::asio::io_context& io, const Options& options) {
  const auto env = platform::read_environment();
  auto inputs = platform::make_inputs(options.settings, env, ::geteuid(), options.revive);
  if (!inputs) {
    return inputs.error();
  }
  platform::ResolveRequest request;
  request.inputs = *inputs;
  request.revive = options.revive;
  request.state_dir = choose_state_dir(platform::path_inputs(*inputs));
  request.runtime_dir = choose_runtime_dir(platform::path_inputs(*inputs));
  const RuntimePaths runtime{request.runtime_dir.path};
  const StatePaths state{request.state_dir.path};
  GPUJOB_TRY(check_socket_path(runtime.notify_socket("12345678", 100000)));
  GPUJOB_TRY(prepare_private_dir(runtime.dir, "runtime directory"));
  auto lock = take_daemon_lock(runtime.lock());
  if (!lock) {
    return lock.error();
  }
  std::error_code ignored;
  if (options.revive && std::filesystem::exists(runtime.stop_marker(), ignored)) {
    return Startup{nullptr, {}, true};
  }
  GPUJOB_TRY(prepare_private_dir(state.dir, "state directory"));
  if (options.background) {
    GPUJOB_TRY(redirect_to(state.daemon_log()));
  }

  AppParts parts;
  parts.lock = std::move(*lock);
  parts.daemon_exe = own_path();
  auto shim = find_shim(parts.daemon_exe);
  if (!shim) {
    return shim.error();
  }
  parts.places = {runtime, state, *shim, make_revive(parts.daemon_exe, runtime, state)};
  auto remembered = open_session(parts, std::move(request));
  if (!remembered) {
    return remembered.error();
  }
  auto durable = open_durable(io, parts.daemon_exe, parts.session.settings,
                              {runtime.dir, state.dir}, state.dir + "/remote", options.revive);
  if (!durable) {
    return durable.error();
  }
  auto listener = listen_unix(runtime.socket(), SOCK_STREAM, true);
  if (!listener) {
    return listener.error();
  }
  parts.listener = std::move(*listener);
  GPUJOB_TRY(save_settings(parts));
  if (!options.revive) {
    ::unlink(runtime.stop_marker().c_str());
  }
  const auto now = read_clocks();
  parts.world = make_world(parts.session.settings, *durable, remembered->jobs, now);
  parts.durable = durable->place;
  parts.durable_state = durable->state;
  Startup done;
  const bool looks = !parts.watch.activity.empty() || parts.watch.notices;
  const auto http = parts.daemon_exe.substr(0, parts.daemon_exe.rfind('/') + 1) + "gpujob-http";
  const bool blind = looks && ::access(http.c_str(), X_OK) != 0;
  done.notes = notes_for(parts.session.settings, *durable, parts.watch.end.has_value());
  for (const auto& [platform, problem] : parts.broken_profiles) {
    done.notes.push_back(problem + ": passed over: correct or remove it");
  }
  if (blind) {
    done.notes.push_back(http + ": is not there: neither idleness nor notices of the cloud are "
                                "seen: install it beside gpujobd");
  }
  done.app = std::make_unique<App>(io, std::move(parts));
  for (auto& said : read_said_here(state)) {
    durable->scanned.said.push_back(std::move(said));
  }
  done.app->take_others(durable->scanned);
  for (const auto& note : {remembered->note, done.app->start_note()}) {
    if (!note.empty()) {
      done.notes.push_back(note);
    }
  }
  for (auto& job : durable->scanned.jobs) {
    done.app->post(policy::Imported{std::move(job)});
  }
  done.app->adopt(remembered->jobs);
  return done;
}

} // namespace gpujob
