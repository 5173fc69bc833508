// SPDX-License-Identifier: Apache-2.0
#include "client/render/platforms.h"

#include "client/render/profile_words.h"
#include "client/render/table.h"
#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

namespace gpujob::client {

using json::Json;
using namespace profile_words;

namespace {

/// A line of the comparison: a platform, or one plan of it.
class PlatformRow {
public:
  PlatformRow(const Json& profile, std::string plan)
      : m_profile(profile), m_plan(std::move(plan)) {}

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
  [[nodiscard]] std::string notice() const { return profile_words::notice(m_profile); }
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
std::vector<Json> PlatformRow::of(const char* list) const {
  std::vector<Json> out;
  for (const auto& j : m_profile.value(list, Json::array())) {
    const auto plans = texts(j, "plans");
    if (plans.empty() || std::find(plans.begin(), plans.end(), m_plan) != plans.end()) {
      out.push_back(j);
    }
  }
  return out;
}

std::vector<Json> PlatformRow::limits(std::string_view type) const {
  auto out = of("limits");
  std::erase_if(out, [&](const Json& j) { return text(j, "type") != type; });
  return out;
}

/// "12h, tpu 9h"; where there is one value only that, for whichever variants it is.
std::string PlatformRow::spans(std::string_view type) const {
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

std::string PlatformRow::quota() const {
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

std::string PlatformRow::price() const {
  if (!limits("balance").empty()) {
    return "in units";
  }
  const auto money = limits("money");
  return money.empty() ? offers("price") : money_text(money.front());
}

/// What the machines there have, each once.
std::string PlatformRow::offers(const char* key) const {
  std::vector<std::string> parts;
  for (const auto& machine : of("machines")) {
    const auto part = text(machine, key);
    if (!part.empty() && std::find(parts.begin(), parts.end(), part) == parts.end()) {
      parts.push_back(part);
    }
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::vector<std::int64_t> PlatformRow::counts(const char* key) const {
  std::set<std::int64_t> out;
  for (const auto& machine : of("machines")) {
    if (machine.contains(key)) {
      out.insert(machine[key].get<std::int64_t>());
    }
  }
  return {out.begin(), out.end()};
}

std::string PlatformRow::numbers(const char* key) const {
  return fmt::format("{}", fmt::join(counts(key), ", "));
}

std::string PlatformRow::bytes(const char* key) const {
  std::vector<std::string> parts;
  for (const auto n : counts(key)) {
    parts.push_back(format_bytes(static_cast<unsigned long long>(n)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string PlatformRow::disk() const {
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

std::string PlatformRow::kept() const {
  std::vector<std::string> parts;
  for (const auto& place : m_profile["durable"].value("write", Json::array())) {
    parts.push_back(text(place, "path"));
  }
  return parts.empty() ? "?" : fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<PlatformRow> rows_of(const Profiles& profiles) {
  std::vector<PlatformRow> rows;
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

} // namespace

std::string render_platforms(const Profiles& profiles) {
  std::vector<std::vector<std::string>> use{{"PLATFORM", "SESSION", "IDLE", "QUOTA", "PRICE"}};
  std::vector<std::vector<std::string>> get{{"PLATFORM", "GPU", "CPU", "RAM", "DISK", "KEPT IN"}};
  for (const auto& row : rows_of(profiles)) {
    use.push_back({cut_cell(row.name(), 20), cut_cell(row.session(), 12), cut_cell(row.idle(), 7),
                   cut_cell(row.quota(), 21), cut_cell(row.price(), 12)});
    get.push_back({cut_cell(row.name(), 20), cut_cell(row.gpu(), 20), cut_cell(row.cpus(), 4),
                   cut_cell(row.memory(), 6), cut_cell(row.disk(), 6), cut_cell(row.kept(), 14)});
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

} // namespace gpujob::client
