// SPDX-License-Identifier: Apache-2.0
#include "client/render/progress.h"

#include "common/duration.h"
#include "common/text.h"

#include <fmt/format.h>

namespace gpujob::client {

namespace {

std::string left_text(const JobView& v) {
  return v.left_s && *v.left_s >= 0 ? "about " + format_seconds(*v.left_s) + " left" : "";
}

/// Whether the rest of the work ends before the session does.
std::string fit(const JobView& v, WallTime now) {
  const auto end = v.term_at ? v.term_at : v.ends_at;
  if (!v.left_s || !end) {
    return {};
  }
  const auto until = std::chrono::duration<double>(*end - now).count();
  return *v.left_s <= until
             ? ", which fits into this session"
             : fmt::format(", more than the {} of this session: it goes on in the next",
                           format_seconds(std::max(until, 0.0)));
}

} // namespace

std::string progress_text(const JobView& v) {
  if (!v.progress) {
    return {};
  }
  const auto left = left_text(v);
  return fmt::format("{:.0f} %{}{}", *v.progress * 100, left.empty() ? "" : ", ", left);
}

std::string progress_sentence(const JobView& v, WallTime now) {
  auto text = progress_text(v);
  if (text.empty()) {
    return v.left_s ? left_text(v) + " of its work" : text;
  }
  text += fit(v, now);
  if (v.progress_by == "output") {
    text += v.rate.empty() ? "; by its progress bar"
                           : fmt::format("; by its progress bar, {}", printable(v.rate));
  }
  return text;
}

} // namespace gpujob::client
