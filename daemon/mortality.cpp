// SPDX-License-Identifier: Apache-2.0
#include "daemon/mortality.h"

#include <algorithm>

namespace gpujob {

using namespace std::chrono_literals;

namespace {

/// Heard of as late as this before its expected end, or a tenth of its length, it came to that.
constexpr Duration k_near_end = 10min;

bool came_to_its_end(const durable_requests::SessionUse& u) {
  if (!u.ends_at) {
    return false;
  }
  const auto near = std::min<Duration>(k_near_end, (*u.ends_at - u.use.when.begin) / 10);
  return u.use.when.end >= *u.ends_at - near;
}

} // namespace

policy::Session::Deaths count_deaths(const std::vector<durable_requests::SessionUse>& uses,
                                     std::string_view platform, WallTime now, Duration silence) {
  policy::Session::Deaths seen;
  for (const auto& u : uses) {
    if (u.platform != platform || u.use.when.end <= u.use.when.begin) {
      continue;
    }
    ++seen.sessions;
    seen.lived += u.use.when.end - u.use.when.begin;
    const bool silent = !u.closed && u.use.when.end + silence < now;
    const bool died = silent && !came_to_its_end(u);
    seen.deaths += died ? 1 : 0;
    const auto age = u.use.when.end - u.use.when.begin;
    seen.lives.push_back({std::chrono::duration<double>(age).count(), died});
  }
  // Any of them: that there are so many means that they are of a long time.
  seen.lives.resize(std::min(seen.lives.size(), policy::k_lives_kept));
  return seen;
}

} // namespace gpujob
