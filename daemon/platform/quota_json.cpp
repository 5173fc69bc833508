// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/json_parts.h"
#include "daemon/platform/keys.h"
#include "daemon/platform/limit_json.h"

#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

/// Limits on what is used up: hours by the week or as grants, credits, money.
namespace gpujob::platform {

using json::Json;
using json::Reader;

namespace {

template <typename Value>
using Words = std::initializer_list<std::pair<std::string_view, Value>>;

/// The value of the word at `key`.
template <typename Value>
Value read_word(Reader& r, const char* key, Words<Value> words, const char* why) {
  const auto text = r.text(key);
  for (const auto& [word, value] : words) {
    if (text == word) {
      return value;
    }
  }
  r.fail(key, why);
  return {};
}

limits::OnExhausted read_effect(Reader& r) {
  return read_word<limits::OnExhausted>(r, "on_exhausted",
                                        {{"deny_new", limits::OnExhausted::deny_new},
                                         {"kill_now", limits::OnExhausted::kill_now},
                                         {"unknown", limits::OnExhausted::unknown}},
                                        "is not deny_new, kill_now or unknown");
}

std::optional<limits::Amount> parse_amount(Reader& r, const char* key, const Json& j) {
  const auto amount = j.is_string() ? limits::Amount::parse(j.get<std::string>())
                                    : Result<limits::Amount>(Error{Errc::bad_data, "is no text"});
  if (!amount) {
    r.fail(key, "is not an amount like \"1.26\", with at most six decimals");
    return std::nullopt;
  }
  return *amount;
}

std::optional<limits::Amount> read_amount(Reader& r, const char* key) {
  const auto* j = r.find(key);
  return j == nullptr ? std::nullopt : parse_amount(r, key, *j);
}

std::map<std::string, limits::Amount> read_amounts(Reader& r, const char* key) {
  std::map<std::string, limits::Amount> out;
  const auto* j = r.find(key);
  if (j == nullptr) {
    return out;
  }
  if (!j->is_object()) {
    r.fail(key, "is not an object of amounts");
    return out;
  }
  for (const auto& [machine, value] : j->items()) {
    if (const auto amount = parse_amount(r, key, value)) {
      out.emplace(machine, *amount);
    }
  }
  return out;
}

/// "08:00"
limits::TimeOfDay read_time(Reader& r, const char* key) {
  const auto text = r.text(key);
  const auto digit = [&](std::size_t i) { return text[i] - '0'; };
  const bool shaped = text.size() == 5 && text[2] == ':' &&
                      text.find_first_not_of("0123456789:") == std::string::npos;
  const limits::TimeOfDay at =
      shaped ? limits::TimeOfDay{digit(0) * 10 + digit(1), digit(3) * 10 + digit(4)}
             : limits::TimeOfDay{24, 0};
  if (at.hour < 0 || at.hour > 23 || at.minute < 0 || at.minute > 59) {
    r.fail(key, "is not a time of day like 08:00");
    return {};
  }
  return at;
}

Result<Weekly> read_weekly(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j, {"day", "time", "zone"}, where));
  Reader r(j, where);
  using limits::Weekday;
  Weekly w;
  w.day = read_word<Weekday>(r, "day",
                             {{"monday", Weekday::monday},
                              {"tuesday", Weekday::tuesday},
                              {"wednesday", Weekday::wednesday},
                              {"thursday", Weekday::thursday},
                              {"friday", Weekday::friday},
                              {"saturday", Weekday::saturday},
                              {"sunday", Weekday::sunday}},
                             "is not a day of the week");
  w.at = read_time(r, "time");
  w.zone = r.text("zone");
  return r.ok() ? Result<Weekly>(std::move(w)) : r.error();
}

Result<Monthly> read_monthly(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j, {"day", "time", "zone"}, where));
  Reader r(j, where);
  Monthly m;
  if (const auto day = r.maybe_integer("day")) {
    m.day = static_cast<int>(r.integer_in("day", 1, 31));
  }
  m.at = read_time(r, "time");
  m.zone = r.text("zone");
  return r.ok() ? Result<Monthly>(std::move(m)) : r.error();
}

Result<Rolling> read_rolling(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j, {"seconds", "alternatives_s"}, where));
  Reader r(j, where);
  Rolling p;
  const auto length = read_span(r, "seconds");
  if (!length) {
    r.fail("seconds", "is missing");
  }
  p.length = length.value_or(Duration::zero());
  p.alternatives = read_alternatives(r);
  return r.ok() ? Result<Rolling>(std::move(p)) : r.error();
}

Result<GrantKind> read_grant(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j, {"id", "seconds", "ttl_s", "every_days"}, where));
  Reader r(j, where);
  GrantKind g;
  g.id = r.text("id");
  g.amount = read_span(r, "seconds");
  g.ttl = read_span(r, "ttl_s");
  if (r.find("every_days") != nullptr) {
    g.every_days = static_cast<int>(r.integer_in("every_days", 1, 366));
  }
  return r.ok() ? Result<GrantKind>(std::move(g)) : r.error();
}

Result<FeeRule> read_fee(const Json& j, const std::string& where) {
  GPUJOB_TRY(
      check_keys(j, {"what", "per_hour", "per_day", "waived_from", "debited_at", "zone"}, where));
  Reader r(j, where);
  FeeRule f;
  f.what = r.text("what");
  f.per_hour = read_amount(r, "per_hour");
  f.per_day = read_amount(r, "per_day");
  f.waived_from = read_amount(r, "waived_from");
  if (f.per_hour.has_value() == f.per_day.has_value()) {
    r.fail("per_hour", "is needed, or per_day, and not both");
  }
  if (f.per_day) {
    f.debited_at = read_time(r, "debited_at");
    f.zone = r.text("zone");
  }
  return r.ok() ? Result<FeeRule>(std::move(f)) : r.error();
}

} // namespace

Result<LimitKind> read_window(Reader& r, const Json& j, const std::string& where) {
  WindowRule w;
  w.resource = r.text("resource");
  w.amount = read_span(r, "seconds");
  w.alternatives = read_alternatives(r);
  w.effect = read_effect(r);
  const auto at = below(where, "period");
  const auto period = j.value("period", Json());
  GPUJOB_TRY(check_keys(period, {"weekly", "monthly", "rolling"}, at));
  if (!period.is_object() || period.size() != 1) {
    return wrong(at, "is not an object with one of weekly, monthly and rolling");
  }
  const auto keep = [&](auto read) -> Result<void> {
    if (!read) {
      return read.error();
    }
    w.period = std::move(*read);
    return {};
  };
  const auto& of = *period.begin();
  const std::string key = period.begin().key();
  const auto inner = below(at, key.c_str());
  GPUJOB_TRY(key == "weekly"    ? keep(read_weekly(of, inner))
             : key == "monthly" ? keep(read_monthly(of, inner))
                                : keep(read_rolling(of, inner)));
  return finish_limit(r, std::move(w));
}

Result<LimitKind> read_grants(Reader& r, const Json& j, const std::string& where) {
  GrantsRule g;
  g.resource = r.text("resource");
  g.zone = r.text("zone");
  g.order = r.texts_or_empty("order");
  g.effect = read_effect(r);
  auto catalog = read_list<GrantKind>(j, "catalog", where, read_grant);
  if (!catalog) {
    return catalog.error();
  }
  g.catalog = std::move(*catalog);
  return finish_limit(r, std::move(g));
}

Result<LimitKind> read_balance(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  BalanceRule b;
  b.unit = r.text("unit");
  b.burn = read_amounts(r, "burn");
  b.ttl = read_span(r, "ttl_s");
  b.effect = read_effect(r);
  return finish_limit(r, std::move(b));
}

Result<LimitKind> read_money(Reader& r, const Json& j, const std::string& where) {
  MoneyRule m;
  m.currency = r.text("currency");
  m.per_hour = read_amounts(r, "per_hour");
  m.quantum = std::chrono::seconds{r.integer_in("quantum_s", 1, 86400)};
  m.rounding = read_word<limits::Rounding>(
      r, "rounding", {{"up", limits::Rounding::up}, {"down", limits::Rounding::down}},
      "is not up or down");
  m.effect = read_effect(r);
  auto fees = read_list<FeeRule>(j, "fees", where, read_fee);
  if (!fees) {
    return fees.error();
  }
  m.fees = std::move(*fees);
  return finish_limit(r, std::move(m));
}

} // namespace gpujob::platform
