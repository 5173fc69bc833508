// SPDX-License-Identifier: Apache-2.0
#include "common/text.h"
#include "daemon/platform/json_parts.h"
#include "daemon/platform/keys.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace gpujob::platform {

namespace {

using json::Json;
using json::Reader;
using Kind = decltype(LimitRule::what);

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

std::vector<Duration> read_alternatives(Reader& r) {
  std::vector<Duration> out;
  for (const int s : r.integers_or_empty("alternatives_s")) {
    if (s <= 0) {
      r.fail("alternatives_s", "is not within 1 and a year");
    }
    out.push_back(std::chrono::seconds{s});
  }
  return out;
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

Result<Kind> finish(const Reader& r, Kind kind) {
  return r.ok() ? Result<Kind>(std::move(kind)) : r.error();
}

Result<Kind> read_session(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  SessionCap c;
  c.value = read_span(r, "seconds");
  c.alternatives = read_alternatives(r);
  c.ask = r.text_or("ask", "");
  c.hard = r.boolean_or("hard", true);
  c.spread = read_span(r, "spread_s").value_or(Duration::zero());
  const auto deaths = r.text_or("deaths", "");
  c.bathtub = deaths == "bathtub";
  if (!deaths.empty() && !c.bathtub) {
    r.fail("deaths", "is not bathtub");
  } else if (c.bathtub && !c.value) {
    r.fail("deaths", "is bathtub, which needs seconds: the age at which all have ended");
  }
  return finish(r, std::move(c));
}

Result<Kind> read_idle(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  IdleCap c;
  c.value = read_span(r, "seconds");
  c.alternatives = read_alternatives(r);
  c.ask = r.text_or("ask", "");
  c.counts = r.texts_or_empty("counts");
  c.not_counts = r.texts_or_empty("not_counts");
  c.observable = r.boolean_or("observable", true);
  return finish(r, std::move(c));
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

Result<Kind> read_window(Reader& r, const Json& j, const std::string& where) {
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
  return finish(r, std::move(w));
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

Result<Kind> read_grants(Reader& r, const Json& j, const std::string& where) {
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
  return finish(r, std::move(g));
}

Result<Kind> read_balance(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  BalanceRule b;
  b.unit = r.text("unit");
  b.burn = read_amounts(r, "burn");
  b.ttl = read_span(r, "ttl_s");
  b.effect = read_effect(r);
  return finish(r, std::move(b));
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

Result<Kind> read_money(Reader& r, const Json& j, const std::string& where) {
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
  return finish(r, std::move(m));
}

/// A positive number, or none.
std::optional<std::int64_t> read_count(Reader& r, const char* key) {
  const auto n = r.maybe_integer(key);
  if (n && *n <= 0) {
    r.fail(key, "is not positive");
  }
  return n;
}

Result<Kind> read_disk(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  DiskCap c;
  c.path = r.text("path");
  c.bytes = read_count(r, "bytes");
  c.max_files = read_count(r, "max_files");
  if (!c.path.starts_with('/')) {
    r.fail("path", "does not begin with /");
  }
  return finish(r, std::move(c));
}

Result<Kind> read_memory(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  return finish(r, MemoryCap{r.integer_in("bytes", 1, std::int64_t{1} << 50)});
}

Result<Kind> read_concurrency(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  ConcurrencyCap c;
  c.count = r.integer_in("count", 1, 1000000);
  c.scope = r.text("scope");
  return finish(r, std::move(c));
}

Result<Kind> read_check(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  return finish(r, PresenceCheck{std::chrono::seconds{r.integer_in("after_s", 1, 86400)}});
}

struct Type {
  std::string_view name;
  Result<Kind> (*read)(Reader&, const Json&, const std::string&);
  std::string_view keys; ///< beside those that all have
};

constexpr std::array k_types{
    Type{"session", read_session, "seconds alternatives_s ask hard spread_s deaths"},
    Type{"idle", read_idle, "seconds alternatives_s ask counts not_counts observable"},
    Type{"window", read_window, "resource seconds alternatives_s period on_exhausted"},
    Type{"grants", read_grants, "resource zone order catalog on_exhausted"},
    Type{"balance", read_balance, "unit burn ttl_s on_exhausted"},
    Type{"money", read_money, "currency per_hour quantum_s rounding fees on_exhausted"},
    Type{"disk", read_disk, "path bytes max_files"},
    Type{"memory", read_memory, "bytes"},
    Type{"concurrency", read_concurrency, "count scope"},
    Type{"check", read_check, "after_s"},
};

/// Those of the kind, and those of all.
Result<void> check_limit_keys(const Json& j, const Type& type, const std::string& where) {
  const auto own = split(type.keys, ' ');
  std::vector<std::string_view> keys{"type",   "variants", "not_variants", "plans",
                                     "source", "as_of",    "confidence"};
  keys.insert(keys.end(), own.begin(), own.end());
  return check_keys(j, keys, where);
}

} // namespace

Result<LimitRule> read_limit(const Json& j, const std::string& where) {
  Reader r(j, where);
  const auto name = r.text("type");
  const auto type =
      std::find_if(k_types.begin(), k_types.end(), [&](const Type& t) { return t.name == name; });
  if (r.ok() && type == k_types.end()) {
    r.fail("type", "is not a kind of limit");
  }
  if (!r.ok()) {
    return r.error();
  }
  GPUJOB_TRY(check_limit_keys(j, *type, where));
  auto what = type->read(r, j, where);
  if (!what) {
    return what.error();
  }
  LimitRule l;
  l.what = std::move(*what);
  l.variants = r.texts_or_empty("variants");
  l.not_variants = r.texts_or_empty("not_variants");
  l.plans = r.texts_or_empty("plans");
  l.source = r.text("source");
  l.as_of = r.text("as_of");
  l.confidence = read_confidence(r);
  if (!r.ok()) {
    return r.error();
  }
  return l;
}

} // namespace gpujob::platform
