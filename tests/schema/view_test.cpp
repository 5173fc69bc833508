// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/platform/resolve.h"
#include "daemon/platform/standing.h"
#include "daemon/platform/user_profiles.h"
#include "schema/embedded.h"
#include "tests/schema/schema_check.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

namespace gpujob {

using json::Json;

namespace {

Json session_schema() {
  for (const auto& file : schema::protocol()) {
    if (file.name == "session_view.schema.json") {
      return Json::parse(file.content);
    }
  }
  FAIL("no session_view.schema.json");
  return {};
}

} // namespace

TEST_CASE("the session view of every platform meets its schema", "[schema]") {
  const auto schema = session_schema();
  const auto profiles = platform::load_profiles("");
  REQUIRE(profiles.has_value());
  for (const auto& profile : *profiles) {
    INFO(profile.id);
    platform::ResolveRequest r;
    r.inputs.flags.platform = profile.id;
    r.new_session_id = "abcdefgh";
    const Now start{BootTime{std::chrono::hours{1}}, wall_from_ns(1795237200000000000)};
    const auto settled = platform::resolve_settings(r, *profiles, start);
    REQUIRE(settled.has_value());
    // At its start, within it, and after every end.
    for (const auto later : {Duration{0}, Duration{1500000000}, Duration{std::chrono::hours{48}}}) {
      const Now now{start.boot + later, start.wall + later};
      platform::Known known;
      known.resource = "gpu";
      known.usage.add({"abcdefgh", "gpu", {start.wall, now.wall}});
      platform::PlannedEnd end{settled->ends_at(), settled->plan_end(), "", {}, {}};
      auto view = session_view(*settled, now, "", end);
      view["limits"] =
          standings_view(stand(profile, settled->variant, settled->plan, known, now.wall));
      CHECK(test::why_invalid(schema, view) == "");
    }
  }
}

} // namespace gpujob
