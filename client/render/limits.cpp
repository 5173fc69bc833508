// SPDX-License-Identifier: Apache-2.0
#include "client/render/limits.h"

#include "client/instant.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/text.h"

#include <fmt/format.h>

namespace gpujob::client {

namespace {

std::string counted_machines(const LimitView& l) {
  auto text = fmt::format("{} machine{}", l.machines, l.machines == 1 ? "" : "s");
  if (l.silent_machines > 0) {
    text += fmt::format(" ({} of them died without a word, counted to a minute after the last)",
                        l.silent_machines);
  }
  return text;
}

std::string runs_out(const LimitView& l, WallTime now) {
  if (l.effect == "deny_new") {
    return "; a session that runs goes on";
  }
  return l.runs_out_at ? fmt::format("; used up {} ({})", format_local(*l.runs_out_at),
                                     relative(*l.runs_out_at, now))
                       : "";
}

/// "at most 27h 12m left of 30h 00m; 2h 48m used on 3 machines; anew Sat 28 Nov 00:00:00 UTC (in
/// 6d)"
std::string window_line(const LimitView& l, WallTime now) {
  if (!l.left_s || !l.amount_s) {
    return "unknown: " + (l.note.empty() ? "nobody says how much it is" : l.note);
  }
  const auto used = l.used_s.value_or(0) == 0 ? std::string("nothing used")
                    : l.machines == 0         ? fmt::format("{} used", format_seconds(*l.used_s))
                                      : fmt::format("{} used on {}", format_seconds(*l.used_s),
                                                    counted_machines(l));
  auto text = fmt::format("at most {} left of {}; {}", format_seconds(*l.left_s),
                          format_seconds(*l.amount_s), used);
  if (l.renews_at) {
    text += fmt::format("; anew {} ({})", format_local(*l.renews_at), relative(*l.renews_at, now));
  }
  return text + runs_out(l, now);
}

std::string idle_line(const LimitView& l, const SessionView& session, WallTime now) {
  const auto cap = l.amount_s ? format_seconds(*l.amount_s) : std::string("unknown");
  if (!l.used_s) {
    return fmt::format("after {}; {}", cap, l.note.empty() ? "not known since when" : l.note);
  }
  const auto asked = l.note.empty() ? "" : "; " + l.note;
  const auto since = *l.used_s < 1 ? std::string("active now")
                                   : fmt::format("idle for {}", format_seconds(*l.used_s));
  if (!session.idle_ends_at) {
    return fmt::format("after {}; {}{}", cap, since, asked);
  }
  return fmt::format("after {}; {}: may end {} ({}), saved before that{}", cap, since,
                     format_local(*session.idle_ends_at), relative(*session.idle_ends_at, now),
                     asked);
}

std::string in_unit(const std::string& number, const std::string& unit) {
  if (unit != "bytes") {
    return fmt::format("{} {}", number, unit);
  }
  const auto n = parse_int(number);
  return n && *n >= 0 ? format_bytes(static_cast<unsigned long long>(*n)) : number;
}

/// What has no length in time but may last for one.
std::string stock_line(const LimitView& l, WallTime now) {
  if (l.left.empty()) {
    const auto used =
        l.used.empty() ? "" : fmt::format("{} used by this session; ", in_unit(l.used, l.unit));
    const auto most =
        l.amount.empty() ? "" : fmt::format("{} at most; ", in_unit(l.amount, l.unit));
    return used + most + (l.note.empty() ? "what is left is not known" : l.note);
  }
  auto text = fmt::format("{} left of {}", in_unit(l.left, l.unit), in_unit(l.amount, l.unit));
  if (l.left_s) {
    text += fmt::format(", good for {}", format_seconds(*l.left_s));
  }
  if (!l.note.empty()) {
    text += "; " + l.note;
  }
  return text + runs_out(l, now);
}

std::string grants_line(const LimitView& l, WallTime now) {
  if (!l.left_s) {
    return "unknown: " + l.note;
  }
  auto text = fmt::format("{} left", format_seconds(*l.left_s)) + runs_out(l, now);
  return l.note.empty() ? text : text + "; " + l.note;
}

std::string presence_line(const LimitView& l) {
  const auto after = l.amount_s ? format_seconds(*l.amount_s) : std::string("some time");
  return fmt::format("from {} on {}", after, l.note);
}

} // namespace

std::string limit_label(const LimitView& l) {
  if (l.type == "window" || l.type == "grants" || l.type == "balance") {
    return fmt::format("{} ({})", l.type == "window" ? "quota" : l.type, l.resource);
  }
  return l.type == "disk" ? "disk" : l.type;
}

std::string limit_line(const LimitView& l, const SessionView& session, WallTime now) {
  auto text = l.type == "window"     ? window_line(l, now)
              : l.type == "idle"     ? idle_line(l, session, now)
              : l.type == "grants"   ? grants_line(l, now)
              : l.type == "presence" ? presence_line(l)
                                     : stock_line(l, now);
  if (l.type == "disk") {
    text = fmt::format("{}: {}", l.resource, text);
  }
  if (l.type == "concurrency") {
    text = fmt::format("{}: {}", l.resource, text);
  }
  if (l.binds) {
    text += "; this ends the session first";
  }
  return l.stated.empty() ? text : text + "; " + l.stated;
}

std::vector<std::string> explain_limit(const LimitView& l, bool durable) {
  const auto sure = l.confidence.empty() ? "" : fmt::format(" (confidence: {})", l.confidence);
  std::vector<std::string> lines{fmt::format("{}, as of {}{}", l.source, l.as_of, sure)};
  for (const double seconds : l.alternatives_s) {
    lines.push_back("others say " + format_seconds(seconds));
  }
  const bool counted =
      l.type == "window" || l.type == "grants" || l.type == "balance" || l.type == "money";
  if (counted) {
    lines.emplace_back(durable ? "counted from what gpujob wrote into the durable directory on all "
                                 "machines: what was used without it is not seen"
                               : "counted from this session alone: there is no durable directory");
  }
  return lines;
}

} // namespace gpujob::client
