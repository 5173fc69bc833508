// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/ipc/dispatch.h"

#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_limits_set(Backend& backend, Request request) {
  json::Reader r(*request.params, "limits.set");
  std::map<std::string, std::string> values;
  const auto* said = r.find("values");
  constexpr std::size_t k_most = 100;
  if (said == nullptr || !said->is_object() || said->empty() || said->size() > k_most) {
    r.fail("values", "is not an object of 1 to 100 texts");
  } else {
    for (const auto& [key, value] : said->items()) {
      values[key] = value.is_string() ? value.get<std::string>() : "";
    }
  }
  if (!r.ok()) {
    request.fail(r.error());
    return;
  }
  if (const auto set = backend.set_limits(values); !set) {
    request.fail(set.error());
    return;
  }
  request.reply(backend.session_view());
}

} // namespace gpujob::ipc
