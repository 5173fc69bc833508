// SPDX-License-Identifier: Apache-2.0
#include "client/render/platforms.h"

#include "client/render/table.h"
#include "common/duration.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace gpujob::client {

namespace {

using Json = nlohmann::json;

std::string text(const Json& j, const char* key) {
  return j.value(key, std::string());
}

std::vector<std::string> texts(const Json& j, const char* key) {
  return j.value(key, std::vector<std::string>());
}

/// "12h", "20m", "1h 30m": shorter than what is told of something that runs.
std::string span(const Json& seconds) {
  const auto s = seconds.get<std::int64_t>();
  const auto hours = s / 3600;
  const auto minutes = s % 3600 / 60;
  if (s % 60 != 0 || s < 60) {
    return format_duration(std::chrono::seconds{s});
  }
  return (hours > 0 ? fmt::format("{}h", hours) : "") + (hours > 0 && minutes > 0 ? " " : "") +
         (minutes > 0 ? fmt::format("{}m", minutes) : "");
}

/// "12h", "20m?" where it is only reported, "?" where only the user knows.
std::string span_of(const Json& rule) {
  const auto it = rule.find("seconds");
  if (it == rule.end() || it->is_null()) {
    return "?";
  }
  return span(*it) + (text(rule, "confidence") == "low" ? "?" : "");
}

/// A line of the comparison: a platform, or one plan of it.
class Row {
public:
  Row(const Json& profile, std::string plan) : m_profile(profile), m_plan(std::move(plan)) {}

  [[nodiscard]] std::string name() const {
    return text(m_profile, "id") + (m_plan.empty() ? "" : " " + m_plan);
  }
  [[nodiscard]] std::string session() const { return spans("session"); }
  [[nodiscard]] std::string idle() const { return spans("idle"); }
  [[nodiscard]] std::string quota() const;
  [[nodiscard]] std::string price() const;
  [[nodiscard]] std::string gpu() const { return offers("gpu"); }
  [[nodiscard]] std::string gpu_memory() const { return bytes("gpu_bytes"); }
  [[nodiscard]] std::string cpus() const { return numbers("cpus"); }
  [[nodiscard]] std::string memory() const { return bytes("memory_bytes"); }
  [[nodiscard]] std::string disk() const;
  [[nodiscard]] std::string kept() const;
  [[nodiscard]] std::string notice() const;
  [[nodiscard]] std::string as_of() const { return text(m_profile, "as_of"); }

private:
  [[nodiscard]] std::vector<Json> of(const char* list) const;
  [[nodiscard]] std::vector<Json> limits(std::string_view type) const;
  [[nodiscard]] std::string spans(std::string_view type) const;
  [[nodiscard]] std::string offers(const char* key) const;
  [[nodiscard]] std::vector<std::int64_t> counts(const char* key) const;
  [[nodiscard]] std::string numbers(const char* key) const;
  [[nodiscard]] std::string bytes(const char* key) const;

  const Json& m_profile;
  std::string m_plan;
};

/// Those of a list that are for this plan.
std::vector<Json> Row::of(const char* list) const {
  std::vector<Json> out;
  for (const auto& j : m_profile.value(list, Json::array())) {
    const auto plans = texts(j, "plans");
    if (plans.empty() || std::find(plans.begin(), plans.end(), m_plan) != plans.end()) {
      out.push_back(j);
    }
  }
  return out;
}

std::vector<Json> Row::limits(std::string_view type) const {
  auto out = of("limits");
  std::erase_if(out, [&](const Json& j) { return text(j, "type") != type; });
  return out;
}

/// "12h, tpu 9h"; where there is one value only that, for whichever variants it is.
std::string Row::spans(std::string_view type) const {
  std::vector<std::string> parts;
  std::set<std::string> values;
  for (const auto& rule : limits(type)) {
    const auto variants = texts(rule, "variants");
    values.insert(span_of(rule));
    parts.push_back((variants.empty() ? "" : fmt::format("{} ", fmt::join(variants, "/"))) +
                    span_of(rule));
  }
  if (values.size() == 1) {
    return *values.begin();
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string period_text(const Json& period) {
  if (period.contains("weekly")) {
    return "week";
  }
  return period.contains("monthly") ? "month" : span(period["rolling"]["seconds"]);
}

std::string Row::quota() const {
  std::vector<std::string> parts;
  for (const auto& w : limits("window")) {
    parts.push_back(
        fmt::format("{} {}/{}", text(w, "resource"), span_of(w), period_text(w["period"])));
  }
  for (const auto& g : limits("grants")) {
    parts.push_back(fmt::format("{} hours that expire", text(g, "resource")));
  }
  for (const auto& b : limits("balance")) {
    parts.push_back("units (" + text(b, "unit") + ")");
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// "USD 1.26/h", of several machines the range.
std::string money_text(const Json& money) {
  const auto prices = money.value("per_hour", Json::object());
  std::vector<std::pair<double, std::string>> sorted;
  for (const auto& price : prices) {
    const auto amount = price.get<std::string>();
    sorted.emplace_back(std::stod(amount), amount); // to compare only
  }
  std::sort(sorted.begin(), sorted.end());
  if (sorted.empty()) {
    return text(money, "currency") + " ?/h";
  }
  const auto range = sorted.size() == 1 ? sorted.front().second
                                        : sorted.front().second + " to " + sorted.back().second;
  return fmt::format("{} {}/h", text(money, "currency"), range);
}

std::string Row::price() const {
  if (!limits("balance").empty()) {
    return "in units";
  }
  const auto money = limits("money");
  return money.empty() ? offers("price") : money_text(money.front());
}

/// What the machines there have, each once.
std::string Row::offers(const char* key) const {
  std::vector<std::string> parts;
  for (const auto& machine : of("machines")) {
    const auto part = text(machine, key);
    if (!part.empty() && std::find(parts.begin(), parts.end(), part) == parts.end()) {
      parts.push_back(part);
    }
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::vector<std::int64_t> Row::counts(const char* key) const {
  std::set<std::int64_t> out;
  for (const auto& machine : of("machines")) {
    if (machine.contains(key)) {
      out.insert(machine[key].get<std::int64_t>());
    }
  }
  return {out.begin(), out.end()};
}

std::string Row::numbers(const char* key) const {
  return fmt::format("{}", fmt::join(counts(key), ", "));
}

std::string Row::bytes(const char* key) const {
  std::vector<std::string> parts;
  for (const auto n : counts(key)) {
    parts.push_back(format_bytes(static_cast<unsigned long long>(n)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string Row::disk() const {
  std::vector<std::string> parts;
  if (const auto all = bytes("disk_bytes"); !all.empty()) {
    parts.push_back(all);
  }
  for (const auto& d : limits("disk")) {
    if (d.contains("bytes")) {
      parts.push_back(format_bytes(d["bytes"].get<unsigned long long>()) + " in " +
                      text(d, "path"));
    }
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string Row::kept() const {
  std::vector<std::string> parts;
  for (const auto& place : m_profile["durable"].value("write", Json::array())) {
    parts.push_back(text(place, "path"));
  }
  return parts.empty() ? "?" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string Row::notice() const {
  const auto& n = m_profile["notice"];
  const auto kind = text(n, "kind");
  const auto grace = n.value("grace_s", std::int64_t{0});
  return kind == "none" || grace == 0 ? kind == "signal" ? "TERM" : kind
                                      : fmt::format("{}, {}", kind == "signal" ? "TERM" : kind,
                                                    format_duration(std::chrono::seconds{grace}));
}

std::vector<Row> rows_of(const Profiles& profiles) {
  std::vector<Row> rows;
  for (const auto& profile : profiles) {
    auto plans = texts(profile, "plans");
    if (plans.empty()) {
      plans.emplace_back();
    }
    for (auto& plan : plans) {
      rows.emplace_back(profile, std::move(plan));
    }
  }
  return rows;
}

/// So that a table fits; the whole of it is in the other forms.
std::string cut(const std::string& cell, std::size_t most) {
  return cell.size() <= most ? cell : cell.substr(0, most - 1) + "~";
}

void add_sourced(FactSheet& sheet, const std::string& label, const std::string& value,
                 const Json& said) {
  sheet.add(label, value);
  sheet.add("", fmt::format("{} ({}, confidence {})", text(said, "source"), text(said, "as_of"),
                            text(said, "confidence")));
}

std::string limit_value(const Json& rule) {
  const auto type = text(rule, "type");
  std::string value;
  if (type == "window") {
    value = fmt::format("{} {} per {}", span_of(rule), text(rule, "resource"),
                        period_text(rule["period"]));
  } else if (type == "money") {
    value = money_text(rule);
  } else if (type == "concurrency") {
    value = fmt::format("{} ({})", rule["count"].get<int>(), text(rule, "scope"));
  } else if (type == "disk") {
    value = (rule.contains("bytes") ? format_bytes(rule["bytes"].get<unsigned long long>()) + " in "
                                    : std::string()) +
            text(rule, "path") +
            (rule.contains("max_files")
                 ? fmt::format(", {} files", rule["max_files"].get<std::int64_t>())
                 : std::string());
  } else if (type == "memory") {
    value = format_bytes(rule["bytes"].get<unsigned long long>());
  } else if (type == "check") {
    value = "somebody must answer after " + span(rule["after_s"]);
  } else if (type == "balance") {
    value = text(rule, "unit");
  } else if (type == "grants") {
    value = text(rule, "resource");
  } else {
    value = span_of(rule);
  }
  for (const auto& s : rule.value("alternatives_s", Json::array())) {
    value += ", or " + span(s);
  }
  if (const auto ask = text(rule, "ask"); !ask.empty()) {
    value += "; yours: " + ask;
  }
  auto whom = texts(rule, "plans");
  const auto variants = texts(rule, "variants");
  whom.insert(whom.end(), variants.begin(), variants.end());
  for (const auto& variant : texts(rule, "not_variants")) {
    whom.push_back("not " + variant);
  }
  return whom.empty() ? value : fmt::format("{} ({})", value, fmt::join(whom, ", "));
}

} // namespace

std::string render_platforms(const Profiles& profiles) {
  std::vector<std::vector<std::string>> use{{"PLATFORM", "SESSION", "IDLE", "QUOTA", "PRICE"}};
  std::vector<std::vector<std::string>> get{{"PLATFORM", "GPU", "CPU", "RAM", "DISK", "KEPT IN"}};
  for (const auto& row : rows_of(profiles)) {
    use.push_back({cut(row.name(), 20), cut(row.session(), 12), cut(row.idle(), 7),
                   cut(row.quota(), 21), cut(row.price(), 12)});
    get.push_back({cut(row.name(), 20), cut(row.gpu(), 20), cut(row.cpus(), 4),
                   cut(row.memory(), 6), cut(row.disk(), 6), cut(row.kept(), 14)});
  }
  return render_table(use) + "\n" + render_table(get);
}

std::string markdown_platforms(const Profiles& profiles) {
  std::string out = "| platform | GPU | GPU memory | CPUs | RAM | disk | session | idle | quota | "
                    "price | kept in | notice | as of |\n"
                    "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const auto& row : rows_of(profiles)) {
    for (const auto& cell : {row.name(), row.gpu(), row.gpu_memory(), row.cpus(), row.memory(),
                             row.disk(), row.session(), row.idle(), row.quota(), row.price(),
                             row.kept(), row.notice(), row.as_of()}) {
      out += "| " + cell + (cell.empty() ? "" : " ");
    }
    out += "|\n";
  }
  return out;
}

std::string render_platform(const Json& profile) {
  FactSheet sheet;
  sheet.add("platform", fmt::format("{} ({})", text(profile, "title"), text(profile, "id")));
  sheet.add("status", text(profile, "status"));
  sheet.add("plans", fmt::format("{}", fmt::join(texts(profile, "plans"), ", ")));
  sheet.add("to confirm", text(profile, "confirm"));
  for (const auto& rule : profile.value("limits", Json::array())) {
    add_sourced(sheet, text(rule, "type"), limit_value(rule), rule);
  }
  for (const auto& place : profile["durable"].value("write", Json::array())) {
    add_sourced(sheet, "kept in", fmt::format("{} ({})", text(place, "path"), text(place, "level")),
                place);
  }
  add_sourced(sheet, "notice", Row(profile, "").notice(), profile["notice"]);
  for (const auto& machine : profile.value("machines", Json::array())) {
    std::vector<std::string> parts;
    for (const auto* key : {"gpu", "price"}) {
      if (const auto part = text(machine, key); !part.empty()) {
        parts.push_back(part);
      }
    }
    if (machine.contains("cpus")) {
      parts.push_back(fmt::format("{} CPUs", machine["cpus"].get<int>()));
    }
    for (const auto& [key, what] : {std::pair{"memory_bytes", "RAM"}, {"disk_bytes", "disk"}}) {
      if (machine.contains(key)) {
        parts.push_back(format_bytes(machine[key].get<unsigned long long>()) + " " + what);
      }
    }
    add_sourced(sheet, "machine", fmt::format("{}", fmt::join(parts, ", ")), machine);
  }
  return sheet.wrapped();
}

} // namespace gpujob::client
