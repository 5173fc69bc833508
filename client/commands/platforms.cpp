// SPDX-License-Identifier: Apache-2.0
#include "client/render/platforms.h"
#include "client/commands/commands.h"
#include "client/output.h"
#include "client/render/platform.h"
#include "common/json.h"
#include "schema/embedded.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

/// No daemon is asked: it is what the platforms publish, whatever machine this is.
namespace gpujob::client {

namespace {

/// By id; the one that stands for any other machine last.
Result<Profiles> load() {
  Profiles profiles;
  for (const auto& file : schema::platforms()) {
    auto profile = json::parse(std::string(file.content), std::string(file.name));
    if (!profile) {
      return profile.error();
    }
    profiles.push_back(std::move(*profile));
  }
  std::stable_partition(profiles.begin(), profiles.end(),
                        [](const auto& p) { return p.contains("detect"); });
  return profiles;
}

} // namespace

Result<int> execute(const PlatformsOptions& options) {
  auto profiles = load();
  if (!profiles) {
    return profiles.error();
  }
  if (!options.platform.empty()) {
    const auto one = std::find_if(profiles->begin(), profiles->end(),
                                  [&](const auto& p) { return p["id"] == options.platform; });
    if (one == profiles->end()) {
      std::vector<std::string> known;
      for (const auto& p : *profiles) {
        known.push_back(p["id"].template get<std::string>());
      }
      return Error{Errc::not_found, fmt::format("platforms: {}: is not known: use one of {}",
                                                options.platform, fmt::join(known, ", "))};
    }
    profiles = Profiles{*one};
  }
  if (options.json) {
    GPUJOB_TRY(print_json({{"platforms", *profiles}}));
  } else if (options.markdown) {
    GPUJOB_TRY(print(markdown_platforms(*profiles)));
  } else if (!options.platform.empty()) {
    GPUJOB_TRY(print(render_platform(profiles->front())));
  } else {
    GPUJOB_TRY(print(render_platforms(*profiles)));
    note("?: only reported, or known to you alone; blank: nobody says; sources: gpujob platforms "
         "NAME");
  }
  return 0;
}

} // namespace gpujob::client
