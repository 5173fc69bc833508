// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/values.h"

#include "common/duration.h"
#include "common/remote_name.h"
#include "common/text.h"
#include "daemon/platform/session_start.h"

#include <fmt/format.h>

namespace gpujob::platform {

namespace {

Error refuse(std::string_view what, std::string_view text, std::string_view why) {
  return Error{Errc::usage, fmt::format("{}: {}: {}", what, printable(text.substr(0, 200)), why)};
}

} // namespace

Result<std::optional<Duration>> parse_session_limit(std::string_view text, std::string_view what) {
  text = trim(text);
  if (text == "none") {
    return std::optional<Duration>{};
  }
  const auto limit = parse_duration(text, what);
  if (!limit) {
    return limit.error();
  }
  if (*limit <= Duration::zero()) {
    return refuse(what, text, "no time at all: write none for no limit");
  }
  if (*limit < k_shortest_session) {
    return refuse(
        what, text,
        fmt::format("{} is too short for any job: hours are written 9h", format_duration(*limit)));
  }
  if (*limit > k_longest_session) {
    return refuse(what, text,
                  "longer than any session known: at most 31d; write none for no limit");
  }
  return std::optional(*limit);
}

Result<std::optional<std::string>> parse_durable(std::string_view text, std::string_view what) {
  if (text == "none") {
    return std::optional<std::string>{};
  }
  if (text.starts_with(k_rclone_prefix)) {
    const auto remote = remote_of(text);
    return remote ? Result<std::optional<std::string>>(std::string(k_rclone_prefix) + *remote)
                  : refuse(what, text,
                           "not rclone:NAME:PATH: NAME is one of `rclone listremotes`, PATH a "
                           "folder there");
  }
  if (text.empty() || text.front() != '/') {
    return refuse(what, text,
                  "not an absolute path: give it from / on, or rclone:NAME:PATH, or none");
  }
  while (text.size() > 1 && text.back() == '/') {
    text.remove_suffix(1);
  }
  return std::optional(std::string(text));
}

Result<int> parse_slots(std::string_view text, std::string_view what) {
  const auto slots = parse_int(trim(text));
  if (!slots || *slots < 1 || *slots > 1000) {
    return refuse(what, text, "not a number of jobs: use 1 to 1000");
  }
  return static_cast<int>(*slots);
}

} // namespace gpujob::platform
