// SPDX-License-Identifier: Apache-2.0
#include "client/render/platform.h"

#include "client/render/profile_words.h"
#include "client/render/table.h"
#include "common/json.h"
#include "common/text.h"

#include <cstdint>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace gpujob::client {

using json::Json;
using namespace profile_words;

namespace {

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
  add_sourced(sheet, "notice", profile_words::notice(profile), profile["notice"]);
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
