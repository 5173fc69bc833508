// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/ipc/dispatch.h"

#include <memory>
#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_quota(Backend& backend, Request request) {
  request.reply(backend.session_view());
}

void handle_quota_say(Backend& backend, Request request) {
  json::Reader r(*request.params, "quota.say");
  const auto by = r.text_or("by", "a person");
  const auto params = request.params; // it outlives the request
  const auto* entries = r.find("entries");
  constexpr std::size_t k_most = 100;
  constexpr std::size_t k_longest_by = 100;
  if (entries == nullptr || !entries->is_array() || entries->empty() || entries->size() > k_most) {
    r.fail("entries", "is not a list of 1 to 100");
  }
  if (by.size() > k_longest_by) {
    r.fail("by", "is too long");
  }
  if (!r.ok()) {
    request.fail(r.error());
    return;
  }
  const auto asked = std::make_shared<Request>(std::move(request));
  backend.say(*entries, by, [&backend, asked](const Result<std::string>& kept) {
    if (kept) {
      asked->reply({{"kept", *kept}, {"session", backend.session_view()}});
    } else {
      asked->fail(kept.error());
    }
  });
}

} // namespace gpujob::ipc
