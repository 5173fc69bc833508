// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/platform/settings.h"

#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::platform {

namespace {

using json::Json;

Json to_json(const SessionStart& s) {
  return {{"boot_ns", to_ns(s.boot)},
          {"wall_ns", to_ns(s.wall)},
          {"source", s.source},
          {"confidence", to_text(s.confidence)},
          {"evidence", s.evidence}};
}

Json to_json(const SessionLimit& l) {
  auto alternatives = Json::array();
  for (const auto a : l.alternatives) {
    alternatives.push_back(a.count());
  }
  return {{"ns", l.value.count()},
          {"alternatives_ns", std::move(alternatives)},
          {"source", l.source},
          {"as_of", l.as_of},
          {"confidence", to_text(l.confidence)},
          {"spread_ns", l.spread.count()},
          {"bathtub_ns", l.bathtub ? Json(l.bathtub->count()) : Json()}};
}

Json to_json(const DurableSetting& d) {
  return {{"path", json::from_bytes(d.path)},
          {"level", d.level},
          {"require_mount", d.require_mount},
          {"hint", d.hint},
          {"origin", to_text(d.origin)}};
}

Confidence read_confidence(json::Reader& r) {
  const auto c = confidence_from_text(r.text("confidence"));
  if (!c) {
    r.fail("confidence", "is not low, medium or high");
  }
  return c.value_or(Confidence::low);
}

Origin read_origin(json::Reader& r) {
  const auto o = origin_from_text(r.text("origin"));
  if (!o) {
    r.fail("origin", "is not a known one");
  }
  return o.value_or(Origin::fallback);
}

/// A part that is an object of its own; its reader's error becomes `outer`'s.
template <typename Read>
auto read_part(json::Reader& outer, const char* key, std::string& error, Read read)
    -> decltype(read(outer)) {
  const auto* j = outer.find(key);
  const Json none;
  json::Reader r(j == nullptr ? none : *j, fmt::format("session settings: {}", key));
  auto out = read(r);
  if (!r.ok() && error.empty()) {
    error = r.error().text;
  }
  return out;
}

SessionStart read_start(json::Reader& r) {
  SessionStart s;
  s.boot = r.boot_time("boot_ns");
  s.wall = r.wall_time("wall_ns");
  s.source = r.text("source");
  s.confidence = read_confidence(r);
  s.evidence = r.texts_or_empty("evidence");
  return s;
}

SessionLimit read_limit(json::Reader& r) {
  SessionLimit l;
  l.value = r.span("ns");
  if (l.value <= Duration::zero()) {
    r.fail("ns", "is not above 0");
  }
  if (const auto* list = r.find("alternatives_ns")) {
    for (const auto& a : *list) {
      const Duration value{a.is_number_integer() ? a.get<std::int64_t>() : -1};
      if (!is_plausible(value)) {
        r.fail("alternatives_ns", "is not a list of nanoseconds");
        break;
      }
      l.alternatives.push_back(value);
    }
  }
  l.source = r.text("source");
  l.as_of = r.text("as_of");
  l.confidence = read_confidence(r);
  if (r.find("bathtub_ns") != nullptr) {
    l.bathtub = r.span("bathtub_ns");
  }
  if (r.find("spread_ns") != nullptr) {
    l.spread = r.span("spread_ns");
  }
  return l;
}

DurableSetting read_durable(json::Reader& r) {
  DurableSetting d;
  d.path = r.bytes("path");
  d.level = r.text("level");
  d.require_mount = r.text("require_mount");
  d.hint = r.text("hint");
  d.origin = read_origin(r);
  return d;
}

SettingValue read_value(json::Reader& r) {
  SettingValue v;
  if (r.find("value") != nullptr) {
    v.value = r.bytes("value");
  }
  v.origin = read_origin(r);
  v.detail = r.text("detail");
  return v;
}

void read_values(json::Reader& r, std::string& error, SessionSettings& s) {
  const auto* values = r.find("settings");
  if (values == nullptr || !values->is_object()) {
    r.fail("settings", "is not an object");
    return;
  }
  json::Reader all(*values, "session settings: settings");
  for (const auto& [name, unused] : values->items()) {
    s.settings.emplace(name, read_part(all, name.c_str(), error, read_value));
  }
}

/// 64 unsigned bits, which a JSON reader need not keep: as text.
std::optional<std::uint64_t> read_ticks(json::Reader& r) {
  if (r.find("pid1_start_ticks") == nullptr) {
    return std::nullopt;
  }
  const auto text = r.text("pid1_start_ticks");
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size()) {
    r.fail("pid1_start_ticks", "is not a number");
  }
  return value;
}

} // namespace

nlohmann::json given_to_json(const std::map<std::string, std::string>& given) {
  std::vector<std::string> list;
  for (const auto& [flag, value] : given) {
    list.insert(list.end(), {flag, value});
  }
  return json::from_bytes_list(list);
}

nlohmann::json to_json(const SessionSettings& s) {
  auto values = Json::object();
  for (const auto& [name, v] : s.settings) {
    values[name] = {{"value", v.value ? json::from_bytes(*v.value) : Json()},
                    {"origin", to_text(v.origin)},
                    {"detail", v.detail}};
  }
  return {
      {"id", s.id},
      {"boot_id", s.boot_id},
      {"pid1_start_ticks", s.pid1_start_ticks ? Json(std::to_string(*s.pid1_start_ticks)) : Json()},
      {"key", s.key},
      {"platform", s.platform},
      {"variant", s.variant},
      {"plan", s.plan},
      {"evidence", s.evidence},
      {"conflicts", s.conflicts},
      {"confidence", to_text(s.confidence)},
      {"start", to_json(s.start)},
      {"daemon_start_ns", to_ns(s.daemon_start)},
      {"limit", s.limit ? to_json(*s.limit) : Json()},
      {"margin_ns", s.margin.count()},
      {"durable", s.durable ? to_json(*s.durable) : Json()},
      {"read_dirs", json::from_bytes_list(s.read_dirs)},
      {"slots", s.slots},
      {"settings", std::move(values)},
      {"given", given_to_json(s.given)}};
}

Result<SessionSettings> settings_from_json(const nlohmann::json& j) {
  json::Reader r(j, "session settings");
  std::string part_error;
  SessionSettings s;
  s.id = r.text("id");
  s.boot_id = r.text("boot_id");
  s.pid1_start_ticks = read_ticks(r);
  s.key = r.text_or("key", "");
  s.platform = r.text("platform");
  s.variant = r.text("variant");
  s.plan = r.text("plan");
  s.evidence = r.texts_or_empty("evidence");
  s.conflicts = r.texts_or_empty("conflicts");
  s.confidence = read_confidence(r);
  s.daemon_start = r.boot_time("daemon_start_ns");
  s.margin = r.span("margin_ns");
  s.read_dirs = r.bytes_list("read_dirs");
  const auto slots = r.integer("slots");
  if (slots < 1 || slots > 1000) {
    r.fail("slots", "is not within 1 and 1000");
  }
  s.slots = static_cast<int>(slots);
  read_values(r, part_error, s);
  const auto given =
      r.find("given") == nullptr ? std::vector<std::string>{} : r.bytes_list("given");
  for (std::size_t i = 0; i + 1 < given.size(); i += 2) {
    s.given[given[i]] = given[i + 1];
  }
  s.start = read_part(r, "start", part_error, read_start);
  if (r.find("limit") != nullptr) {
    s.limit = read_part(r, "limit", part_error, read_limit);
  }
  if (r.find("durable") != nullptr) {
    s.durable = read_part(r, "durable", part_error, read_durable);
  }
  if (!r.ok()) {
    return r.error();
  }
  if (!part_error.empty()) {
    return Error{Errc::bad_data, part_error};
  }
  return s;
}

} // namespace gpujob::platform
