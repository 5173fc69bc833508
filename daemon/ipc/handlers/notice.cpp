// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/ipc/dispatch.h"

#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_notice(Backend& backend, Request request) {
  json::Reader r(*request.params, "notice");
  const auto text = r.text_or("text", "somebody says that the platform ends this session");
  const auto in = r.maybe_number("in_s");
  constexpr double k_most_s = 366.0 * 86400;
  constexpr std::size_t k_longest = 300;
  if (in && !(*in >= 0 && *in <= k_most_s)) {
    r.fail("in_s", "is not within 0 and a year");
  }
  if (text.size() > k_longest) {
    r.fail("text", "is too long");
  }
  if (!r.ok()) {
    request.fail(r.error());
    return;
  }
  backend.give_notice(
      in ? std::optional(Duration{static_cast<std::int64_t>(*in * 1e9)}) : std::nullopt, text);
  request.reply(backend.session_view());
}

} // namespace gpujob::ipc
