// SPDX-License-Identifier: Apache-2.0
#include "common/text.h"
#include "daemon/platform/standing.h"
#include "daemon/policy/limits/money.h"

#include <fmt/format.h>

/// What is paid for.
namespace gpujob::platform::standing {

namespace {

using limits::Amount;

std::optional<Amount> price_of(const std::map<std::string, Amount>& prices,
                               const std::string& machine) {
  auto it = prices.find(machine);
  if (it == prices.end()) {
    it = prices.find("any"); // the user's own word: what this one costs
  }
  return it == prices.end() ? std::nullopt : std::optional(it->second);
}

std::string unknown_price(const std::map<std::string, Amount>& prices, const Known& known) {
  if (prices.empty()) {
    return "what it costs only you know: gpujob limits set per_hour=PRICE";
  }
  std::string names;
  for (const auto& [name, price] : prices) {
    names += (names.empty() ? "" : ", ") + name;
  }
  return fmt::format("what this machine{} costs is not known: gpujob limits set per_hour=PRICE, or "
                     "machine=NAME of {}",
                     known.machine.empty() ? "" : fmt::format(" ({})", printable(known.machine)),
                     names);
}

/// The newest word on what there was.
const Said* newest_balance(const Known& known, const std::string& name) {
  const Said* newest = nullptr;
  for (const auto& s : known.said) {
    if (s.kind == Said::Kind::balance && s.name == name &&
        (newest == nullptr || newest->at < s.at)) {
      newest = &s;
    }
  }
  return newest;
}

/// All that one unit pays for: whatever machine was held when.
const std::string k_any = "machine";

void look_at_balance(const Said* said, const std::optional<limits::Rate>& rate, const Known& known,
                     WallTime now, limits::OnExhausted effect, Standing& out) {
  out.horizon.effect = effect;
  const auto usage = known.usage.as(k_any);
  if (rate) {
    out.used_text = limits::cost(*rate, usage, k_any, {known.session_began, now}).text();
  }
  if (said == nullptr) {
    if (out.note.empty()) {
      out.note = fmt::format("what there is is not known: gpujob quota set {}=AMOUNT", out.name);
    }
    return;
  }
  const limits::Balance balance{said->amount, said->at, rate};
  out.amount_text = said->amount.text();
  if (rate) {
    out.horizon = limits::look(balance, usage, k_any, true, now, effect);
    out.left_text = (said->amount - limits::cost(*rate, usage, k_any, {said->at, now})).text();
  }
}

} // namespace

void look_at(const BalanceRule& rule, const Known& known, WallTime now, Standing& out) {
  out.name = out.unit = rule.unit;
  const auto burn = price_of(rule.burn, known.machine);
  if (!burn) {
    out.note = unknown_price(rule.burn, known);
  }
  const auto* said = newest_balance(known, rule.unit);
  const bool expired = said != nullptr && rule.ttl && said->at + *rule.ttl <= now;
  if (expired) {
    out.note = "what was said of it has expired since";
  }
  look_at_balance(expired ? nullptr : said,
                  burn ? std::optional(limits::Rate{*burn}) : std::nullopt, known, now, rule.effect,
                  out);
}

void look_at(const MoneyRule& rule, const Known& known, WallTime now, Standing& out) {
  out.name = out.unit = rule.currency;
  const auto price = price_of(rule.per_hour, known.machine);
  std::optional<limits::Rate> rate;
  if (price) {
    auto per_hour = *price;
    for (const auto& fee : rule.fees) {
      if (fee.per_hour) {
        per_hour = per_hour + *fee.per_hour;
      }
    }
    rate = limits::Rate{per_hour, rule.quantum, rule.rounding};
  } else {
    out.note = unknown_price(rule.per_hour, known);
  }
  look_at_balance(newest_balance(known, rule.currency), rate, known, now, rule.effect, out);
  for (const auto& fee : rule.fees) {
    if (fee.per_day) {
      out.note += fmt::format("{}{}: {} {} a day is not in it", out.note.empty() ? "" : "; ",
                              fee.what, fee.per_day->text(), rule.currency);
    }
  }
}

} // namespace gpujob::platform::standing
