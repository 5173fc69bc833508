// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/saying.h"

#include "common/clock.h"
#include "common/duration.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/platform/session_start.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace gpujob::platform {

namespace {

/// What can be spoken of here.
struct Names {
  std::vector<std::string> resources; ///< used by the hour
  std::vector<std::string> windows;   ///< of which so much is left
  std::vector<std::string> stocks;    ///< units and currencies
  std::vector<GrantKind> grants;
};

void add_new(std::vector<std::string>& list, const std::string& name) {
  if (std::ranges::find(list, name) == list.end()) {
    list.push_back(name);
  }
}

Names names_of(const Listener& l) {
  Names n;
  for (const auto& rule : l.profile->limits) {
    if (!rule.applies(l.variant, l.plan)) {
      continue;
    }
    if (const auto* window = std::get_if<WindowRule>(&rule.what)) {
      add_new(n.windows, window->resource);
      add_new(n.resources, window->resource);
    } else if (const auto* grants = std::get_if<GrantsRule>(&rule.what)) {
      add_new(n.resources, grants->resource);
      n.grants.insert(n.grants.end(), grants->catalog.begin(), grants->catalog.end());
    } else if (const auto* balance = std::get_if<BalanceRule>(&rule.what)) {
      add_new(n.stocks, balance->unit);
    } else if (const auto* money = std::get_if<MoneyRule>(&rule.what)) {
      add_new(n.stocks, money->currency);
    }
  }
  return n;
}

bool holds(const std::vector<std::string>& list, const std::string& name) {
  return std::ranges::find(list, name) != list.end();
}

Error nothing_such(const std::string& verb, const std::string& name, const Listener& l,
                   const std::vector<std::string>& known) {
  return Error{Errc::usage,
               fmt::format("quota {}: '{}': none of {}'s in this session: {}", verb,
                           printable(name), l.profile->id,
                           known.empty() ? std::string("it has none to speak of")
                                         : fmt::format("use one of {}", fmt::join(known, ", ")))};
}

/// "12h30m"; a bare number only where it is known to be hours.
Result<Duration> read_time(const std::string& text, bool bare_hours, const std::string& what) {
  const auto hours = limits::Amount::parse(trim(text));
  if (!hours) {
    return parse_duration(text, what);
  }
  if (!bare_hours) {
    return Error{Errc::usage, fmt::format("{}: '{}': needs a unit: hours are written 3h", what,
                                          printable(text))};
  }
  // An amount per hour, spent at one per hour, lasts so many hours: exact.
  return hours->lasts_at(*limits::Amount::parse("1"));
}

class Reading {
public:
  Reading(const nlohmann::json& entry, const Listener& listener, Now now)
      : m_r(entry, "quota"), m_listener(listener), m_names(names_of(listener)), m_now(now) {}

  Result<Said> read(std::string id, std::string by) {
    m_said.id = std::move(id);
    m_said.by = std::move(by);
    m_said.platform = m_listener.profile->id;
    m_said.name = m_r.text("name");
    const auto verb = m_r.text("verb");
    GPUJOB_TRY(read_at());
    auto done = verb == "add" ? add()
                : verb == "set"
                    ? set()
                    : Result<void>(Error{Errc::usage, "quota: verb: is not add or set"});
    if (done && !m_r.ok()) {
      done = m_r.error();
    }
    return done ? Result<Said>(std::move(m_said)) : Result<Said>(done.error());
  }

private:
  Result<void> read_at() {
    const auto text = m_r.text_or("at", "now");
    const auto at = parse_session_start(text, "--at", m_now);
    if (!at) {
      return at.error();
    }
    m_said.at = m_now.wall_at(*at);
    return {};
  }

  Result<void> add() {
    const auto kind = std::ranges::find(m_names.grants, m_said.name, &GrantKind::id);
    const bool is_grant = kind != m_names.grants.end();
    if (!is_grant && !holds(m_names.resources, m_said.name)) {
      auto known = m_names.resources;
      for (const auto& grant : m_names.grants) {
        known.push_back(grant.id);
      }
      return nothing_such("add", m_said.name, m_listener, known);
    }
    m_said.kind = is_grant ? Said::Kind::grant : Said::Kind::use;
    const auto amount = m_r.text_or("amount", "");
    if (amount.empty() && is_grant && kind->amount) {
      m_said.span = *kind->amount;
      return {};
    }
    GPUJOB_TRY(read_span(amount));
    return m_said.span > Duration::zero()
               ? Result<void>()
               : Error{Errc::usage, "quota add: nothing is nothing to add"};
  }

  Result<void> set() {
    const auto amount = m_r.text("amount");
    if (holds(m_names.stocks, m_said.name)) {
      m_said.kind = Said::Kind::balance;
      const auto exact = limits::Amount::parse(trim(amount));
      if (!exact) {
        return Error{Errc::usage,
                     fmt::format("quota set: {}: {}", printable(m_said.name), exact.error().text)};
      }
      m_said.amount = *exact;
      return {};
    }
    if (!holds(m_names.windows, m_said.name)) {
      auto known = m_names.windows;
      known.insert(known.end(), m_names.stocks.begin(), m_names.stocks.end());
      return nothing_such("set", m_said.name, m_listener, known);
    }
    m_said.kind = Said::Kind::left;
    GPUJOB_TRY(read_span(amount));
    if (const auto total = m_r.text_or("total", ""); !total.empty()) {
      const auto span = read_time(total, bare_hours(), "quota set: total");
      if (!span) {
        return span.error();
      }
      m_said.total = *span;
    }
    if (const auto renews = m_r.text_or("renews_at", ""); !renews.empty()) {
      m_said.renews = parse_rfc3339(renews);
      if (!m_said.renews || *m_said.renews <= m_now.wall) {
        return Error{Errc::usage,
                     fmt::format("quota set: renews_at: '{}': is no instant in UTC that lies ahead",
                                 printable(renews))};
      }
    }
    return {};
  }

  bool bare_hours() { return m_r.boolean_or("hours", false); }

  Result<void> read_span(const std::string& text) {
    const auto span = read_time(text, bare_hours(), "quota: " + printable(m_said.name));
    if (!span) {
      return span.error();
    }
    m_said.span = *span;
    return {};
  }

  json::Reader m_r;
  Listener m_listener;
  Names m_names;
  Now m_now;
  Said m_said;
};

} // namespace

bool is_passed_over(const nlohmann::json& entry, const Listener& listener) {
  json::Reader r(entry, "quota");
  const auto name = r.text_or("name", "");
  const auto names = names_of(listener);
  return r.boolean_or("if_known", false) && r.ok() && !holds(names.resources, name) &&
         !holds(names.stocks, name);
}

Result<Said> read_saying(const nlohmann::json& entry, const Listener& listener, std::string id,
                         std::string by, Now now) {
  return Reading(entry, listener, now).read(std::move(id), std::move(by));
}

} // namespace gpujob::platform
