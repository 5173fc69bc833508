// SPDX-License-Identifier: Apache-2.0
// What comes from outside of a session: gpujob-http's replies (Jupyter, metadata of three clouds),
// sayings of the ledger and of a user, and what Kaggle's tool prints.
#include "client/kaggle_quota.h"
#include "common/json.h"
#include "daemon/platform/activity.h"
#include "daemon/platform/notice.h"
#include "daemon/platform/said.h"
#include "daemon/platform/saying.h"
#include "daemon/platform/standing.h"
#include "daemon/platform/user_profiles.h"
#include "tests/fuzz/fuzz.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using fuzz::expect;
using fuzz::expect_said;

namespace {

const Now k_now{boot_from_ns(1'000'000'000'000), wall_from_ns(1'790'000'000'000'000'000)};

void check_replies(const std::string& text) {
  expect_said(platform::read_activity(text));
  // As it is, and as the body that a service answered with.
  const nlohmann::json wrapped{{"ok", true}, {"status", 200}, {"body", json::from_bytes(text)}};
  for (const char* kind : {"ec2_spot", "gce_preempted", "azure_events"}) {
    for (const auto& reply : {text, json::dump(wrapped)}) {
      const auto notice = platform::read_notice({kind, "x"}, reply, k_now.wall);
      expect_said(notice);
      expect(!notice || !*notice || (*notice)->ends_at > k_now.wall, "an end lies ahead");
    }
  }
}

const std::vector<platform::Profile>& profiles() {
  static const auto known = platform::load_profiles("").value();
  return known;
}

/// Whatever was said, every limit of every platform stands somewhere, and can be shown.
void check_standing(const platform::Said& said) {
  for (const auto& profile : profiles()) {
    platform::Known known;
    known.resource = "gpu";
    known.machine = "t4";
    known.session_began = k_now.wall - std::chrono::hours{1};
    known.usage.add({"vm", "gpu", {known.session_began, k_now.wall}});
    known.said = {said};
    const auto plan = profile.plans.empty() ? "" : profile.plans.back();
    const auto all = platform::stand(profile, "batch", plan, known, k_now.wall);
    (void)platform::standings_view(all).dump();
  }
}

void check_said(std::string_view text) {
  const auto said = fuzz::check_round(
      text,
      [](std::string_view t) {
        const auto j = json::parse(t, "said");
        return j ? platform::said_from_json(*j) : Result<platform::Said>(j.error());
      },
      [](const platform::Said& s) { return json::dump(platform::to_json(s)); });
  if (said) {
    check_standing(*said);
  }
  const auto entry = json::parse(text, "entry");
  if (entry) {
    for (const char* id : {"kaggle", "colab", "aistudio"}) {
      const platform::Listener l{platform::find_profile(profiles(), id), "batch", "pro"};
      const auto read = platform::read_saying(*entry, l, "s1", "fuzz", k_now);
      expect_said(read);
      (void)platform::is_passed_over(*entry, l);
      if (read) {
        check_standing(*read);
      }
    }
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::expand(data, size);
  check_replies(text);
  check_said(text);
  expect_said(client::read_kaggle_quota(text));
  return 0;
}
