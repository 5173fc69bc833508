// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/commands/say.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

Result<int> execute(const QuotaSayOptions& options) {
  const char* verb = options.set ? "set" : "add";
  auto entries = nlohmann::json::array();
  for (const auto& saying : options.sayings) {
    nlohmann::json entry{{"verb", verb}, {"name", saying.name}, {"amount", saying.amount}};
    if (!options.at.empty()) {
      entry["at"] = options.at;
    }
    entries.push_back(std::move(entry));
  }
  return say(std::move(entries), fmt::format("gpujob quota {}", verb), options.json);
}

} // namespace gpujob::client
