// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/ipc/dispatch.h"

#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_notice(Backend& backend, Request request) {
  json::Reader r(*request.params, "notice");
  const auto text = r.text_or("text", "somebody says that the platform ends this session");
  const auto in = r.maybe_number("in_s");
  const auto otherwise = r.maybe_number("else_s");
  const bool cancel = r.boolean_or("cancel", false);
  constexpr double k_most_s = 366.0 * 86400;
  constexpr std::size_t k_longest = 300;
  for (const auto& seconds : {in, otherwise}) {
    if (seconds && !(*seconds >= 0 && *seconds <= k_most_s)) {
      r.fail("in_s", "is not within 0 and a year");
    }
  }
  if (text.size() > k_longest) {
    r.fail("text", "is too long");
  }
  if (!r.ok()) {
    request.fail(r.error());
    return;
  }
  const auto span = [](std::optional<double> seconds) {
    return seconds ? std::optional(Duration{static_cast<std::int64_t>(*seconds * 1e9)})
                   : std::nullopt;
  };
  auto given = Result<void>();
  if (cancel) {
    backend.cancel_notice();
  } else {
    given = backend.give_notice(span(in), text);
    given = !given && otherwise ? backend.give_notice(span(otherwise), text) : given;
  }
  if (!given) {
    request.fail(given.error());
    return;
  }
  request.reply(backend.session_view());
}

} // namespace gpujob::ipc
