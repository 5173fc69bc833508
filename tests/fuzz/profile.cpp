// SPDX-License-Identifier: Apache-2.0
// What people write: a platform's profile, config.json as daemon and client read it, and the texts
// of single settings (a limit, a start, a directory, slots, a duration).
#include "daemon/platform/profile.h"
#include "client/endpoint.h"
#include "common/duration.h"
#include "common/json.h"
#include "daemon/platform/inputs.h"
#include "daemon/platform/resolve.h"
#include "daemon/platform/settings.h"
#include "daemon/platform/user_profiles.h"
#include "daemon/platform/values.h"
#include "schema/embedded.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sandbox.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using fuzz::expect;
using fuzz::expect_said;

namespace {

const Now k_now{boot_from_ns(1'000'000'000'000), wall_from_ns(1'790'000'000'000'000'000)};

/// A session resolved by these profiles and settings plans, is shown, and is stored and read again.
void check_resolved(const std::vector<platform::Profile>& profiles, platform::Inputs inputs) {
  platform::ResolveRequest request;
  request.inputs = std::move(inputs);
  request.facts.boot_id = "boot";
  request.new_session_id = "s1";
  request.state_dir = {"/state", "default"};
  request.runtime_dir = {"/run", "default"};
  const auto settings = resolve_settings(request, profiles, k_now);
  expect_said(settings);
  if (settings) {
    (void)settings->plan_end();
    (void)platform::session_view(*settings, k_now, "stored",
                                 {settings->ends_at(), settings->plan_end(), "", {}, {}})
        .dump();
    const auto stored = platform::settings_from_json(platform::to_json(*settings));
    expect(stored.has_value(), "what was resolved can be stored",
           stored ? "" : stored.error().text);
  }
}

/// The user's file, laid over a built-in one.
void check_overlay(const std::string& text) {
  const auto user = json::parse(text, "user");
  if (!user || !user->is_object()) {
    return;
  }
  for (const auto& file : schema::platforms()) {
    if (file.name == "kaggle.json") {
      const auto merged = platform::merge_profile(nlohmann::json::parse(file.content), *user,
                                                  "/u/kaggle.json", "2026-11-21");
      expect_said(merged);
      if (merged) {
        expect_said(platform::parse_profile(merged->dump(), "kaggle.json"));
      }
    }
  }
}

void check_profile(const std::string& text, const std::vector<platform::Profile>& known) {
  check_overlay(text);
  auto profile = platform::parse_profile(text, "fuzz.json");
  expect_said(profile);
  if (!profile) {
    return;
  }
  (void)platform::collect_facts({*profile}, {"/nonexistent", {"HOME=/root"}});
  platform::Inputs inputs;
  inputs.flags.platform = profile->id;
  auto profiles = known;
  profiles.insert(profiles.begin(), std::move(*profile));
  check_resolved(profiles, inputs);
}

void check_config(const std::string& text, const std::vector<platform::Profile>& known) {
  static const fuzz::Sandbox sandbox;
  sandbox.put("gpujob/config.json", text);
  const std::vector<std::string> env{"XDG_CONFIG_HOME=" + sandbox.path()};
  auto inputs = platform::make_inputs({}, env, 0);
  expect_said(inputs);
  const auto endpoint = client::locate_daemon(env);
  expect_said(endpoint);
  expect(!inputs || endpoint.has_value(), "the client reads what the daemon reads");
  if (inputs) {
    check_resolved(known, *inputs);
  }
  expect(platform::make_inputs({}, env, 0, true).has_value(),
         "no slip keeps a daemon from revival");
}

void check_words(const std::string& text) {
  expect_said(platform::parse_session_limit(text, "limit"));
  expect_said(platform::parse_session_start(text, "start", k_now));
  expect_said(platform::parse_durable(text, "durable"));
  expect_said(platform::parse_slots(text, "slots"));
  if (const auto d = parse_duration(text, "duration")) {
    expect(*d >= Duration::zero(), "a duration is not negative");
    (void)format_duration(*d);
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto known = platform::load_profiles("").value();
  const auto text = fuzz::expand(data, size);
  check_profile(text, known);
  check_config(text, known);
  check_words(text);
  return 0;
}
