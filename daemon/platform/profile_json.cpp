// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/json_parts.h"
#include "daemon/platform/keys.h"
#include "daemon/platform/profile.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string_view>

namespace gpujob::platform {

namespace {

using json::Json;

Result<Condition> read_condition(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j, {"env", "env_eq", "dir", "file", "json_key", "any", "all"}, where));
  if (!j.is_object() || j.size() != 1) {
    return wrong(where, "is not an object with one key");
  }
  const std::string key = j.begin().key();
  Condition c;
  if (key == "any" || key == "all") {
    c.kind = key == "any" ? Condition::Kind::any : Condition::Kind::all;
    auto parts = read_list<Condition>(j, key.c_str(), where, read_condition);
    if (!parts) {
      return parts.error();
    }
    if (parts->empty()) {
      return wrong(below(where, key.c_str()), "is empty");
    }
    c.parts = std::move(*parts);
    return c;
  }
  json::Reader r(j, where);
  if (key == "env_eq" || key == "json_key") {
    const auto pair = r.texts_or_empty(key.c_str());
    if (pair.size() != 2) {
      r.fail(key.c_str(), "is not a list of two");
    } else {
      c = {key == "env_eq" ? Condition::Kind::env_equals : Condition::Kind::json_key,
           pair[0],
           pair[1],
           {}};
    }
  } else {
    c.kind = key == "env"   ? Condition::Kind::env
             : key == "dir" ? Condition::Kind::dir
                            : Condition::Kind::file;
    c.name = r.text(key.c_str());
  }
  if (r.ok() && c.name.empty()) {
    r.fail(key.c_str(), "is empty");
  }
  if (!r.ok()) {
    return r.error();
  }
  return c;
}

Result<Detect> read_detect(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j, {"any", "all", "none", "hint"}, where));
  if (!j.is_object() || j.contains("any") == j.contains("all")) {
    return wrong(where, "is not an object with one of 'any' and 'all'");
  }
  const char* key = j.contains("any") ? "any" : "all";
  auto when = read_condition(Json{{key, j[key]}}, where);
  if (!when) {
    return when.error();
  }
  auto none = read_list<Condition>(j, "none", where, read_condition);
  if (!none) {
    return none.error();
  }
  json::Reader r(j, where);
  const bool hint = r.boolean_or("hint", false);
  if (!r.ok()) {
    return r.error();
  }
  return Detect{std::move(*when), std::move(*none), hint};
}

Result<Variant> read_variant(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j, {"id", "when"}, where));
  json::Reader r(j, where);
  Variant v;
  v.id = r.text("id");
  const auto* when = r.find("when");
  if (when == nullptr) {
    r.fail("when", "is missing");
  }
  if (!r.ok()) {
    return r.error();
  }
  auto condition = read_condition(*when, below(where, "when"));
  if (!condition) {
    return condition.error();
  }
  v.when = std::move(*condition);
  return v;
}

Result<DurablePlace> read_place(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j,
                        {"path", "require_mount", "anywhere", "level", "hint", "flush", "source",
                         "as_of", "confidence"},
                        where));
  json::Reader r(j, where);
  DurablePlace p;
  p.path = r.text("path");
  p.require_mount = r.text_or("require_mount", "");
  if (r.find("anywhere") != nullptr) {
    p.anywhere = r.text("anywhere");
  }
  p.level = r.text("level");
  p.hint = r.text_or("hint", "");
  p.flush = r.text_or("flush", "");
  p.source = r.text("source");
  p.as_of = r.text("as_of");
  p.confidence = read_confidence(r);
  if (p.path.empty() || p.path.front() != '/') {
    r.fail("path", "does not begin with /");
  }
  if (p.level != "stored" && p.level != "cached") {
    r.fail("level", "is not stored or cached");
  }
  if (!r.ok()) {
    return r.error();
  }
  return p;
}

Result<void> read_durable(const Json& j, const std::string& where, Profile& p) {
  GPUJOB_TRY(check_keys(j, {"write", "read"}, where));
  json::Reader r(j, where);
  p.durable_read = r.texts_or_empty("read");
  if (!r.ok()) {
    return r.error();
  }
  auto places = read_list<DurablePlace>(j, "write", where, read_place);
  if (!places) {
    return places.error();
  }
  p.durable_write = std::move(*places);
  return {};
}

Result<Notice> read_notice(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j, {"kind", "to", "grace_s", "source", "as_of", "confidence"}, where));
  json::Reader r(j, where);
  Notice n;
  n.kind = r.text("kind");
  n.to = r.text_or("to", "");
  const auto grace = r.integer("grace_s");
  r.text("source");
  r.text("as_of");
  read_confidence(r);
  constexpr std::array<std::string_view, 5> k_kinds{"none", "signal", "ec2_spot", "gce_preempted",
                                                    "azure_events"};
  if (std::find(k_kinds.begin(), k_kinds.end(), n.kind) == k_kinds.end()) {
    r.fail("kind", "is not a kind of notice");
  }
  if (grace < 0 || grace > 86400) {
    r.fail("grace_s", "is not within 0 and a day");
  }
  if (!r.ok()) {
    return r.error();
  }
  n.grace = std::chrono::seconds{grace};
  return n;
}

Result<MachineOffer> read_offer(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j,
                        {"gpu", "gpu_bytes", "cpus", "memory_bytes", "disk_bytes", "price", "plans",
                         "variants", "source", "as_of", "confidence"},
                        where));
  json::Reader r(j, where);
  MachineOffer m;
  m.gpu = r.text_or("gpu", "");
  m.price = r.text_or("price", "");
  m.gpu_bytes = r.maybe_integer("gpu_bytes");
  m.cpus = r.maybe_integer("cpus");
  m.memory_bytes = r.maybe_integer("memory_bytes");
  m.disk_bytes = r.maybe_integer("disk_bytes");
  m.plans = r.texts_or_empty("plans");
  m.variants = r.texts_or_empty("variants");
  m.source = r.text("source");
  m.as_of = r.text("as_of");
  m.confidence = read_confidence(r);
  if (!r.ok()) {
    return r.error();
  }
  return m;
}

/// A variant or plan that does not exist would make a limit hold for nobody.
Result<void> check_names(const Profile& p, const std::string& where) {
  const auto is_variant = [&](const std::string& id) {
    return std::any_of(p.variants.begin(), p.variants.end(),
                       [&](const Variant& v) { return v.id == id; });
  };
  for (std::size_t i = 0; i < p.limits.size(); ++i) {
    const auto& rule = p.limits[i];
    for (const auto* names : {&rule.variants, &rule.not_variants}) {
      if (!std::all_of(names->begin(), names->end(), is_variant)) {
        return wrong(below(where, "limits", i), "variants: names one that does not exist");
      }
    }
    for (const auto& plan : rule.plans) {
      if (std::find(p.plans.begin(), p.plans.end(), plan) == p.plans.end()) {
        return wrong(below(where, "limits", i), "plans: names one that does not exist");
      }
    }
  }
  return {};
}

/// The parts of a profile that are objects and lists of their own.
Result<void> read_parts(const Json& j, const std::string& where, Profile& p) {
  if (const auto it = j.find("detect"); it != j.end()) {
    auto detect = read_detect(*it, below(where, "detect"));
    if (!detect) {
      return detect.error();
    }
    p.detect = std::move(*detect);
  }
  auto variants = read_list<Variant>(j, "variants", where, read_variant);
  if (!variants) {
    return variants.error();
  }
  p.variants = std::move(*variants);
  auto limits = read_list<LimitRule>(j, "limits", where, read_limit);
  if (!limits) {
    return limits.error();
  }
  p.limits = std::move(*limits);
  GPUJOB_TRY(read_durable(j.value("durable", Json()), below(where, "durable"), p));
  auto notice = read_notice(j.value("notice", Json()), below(where, "notice"));
  if (!notice) {
    return notice.error();
  }
  p.notice = std::move(*notice);
  auto machines = read_list<MachineOffer>(j, "machines", where, read_offer);
  if (!machines) {
    return machines.error();
  }
  p.machines = std::move(*machines);
  return {};
}

} // namespace

Result<Profile> parse_profile(std::string_view text, std::string_view name) {
  const auto where = fmt::format("profile {}", name);
  auto j = json::parse(text, where);
  if (!j) {
    return j.error();
  }
  GPUJOB_TRY(check_keys(*j, {"id",         "title",    "priority",     "as_of",
                             "detect",     "variants", "plans",        "default_plan",
                             "limits",     "margin_s", "durable",      "notice",
                             "status",     "confirm",  "machines",     "outlives_session",
                             "jupyter",    "machine",  "end_variable", "key_variable",
                             "end_program"},
                        where));
  json::Reader r(*j, where);
  Profile p;
  p.id = r.text("id");
  p.title = r.text("title");
  p.as_of = r.text("as_of");
  p.priority = r.integer("priority");
  p.plans = r.texts_or_empty("plans");
  p.default_plan = r.text_or("default_plan", "");
  p.status = r.text_or("status", "");
  p.confirm = r.text_or("confirm", "");
  p.outlives_session = r.boolean_or("outlives_session", false);
  p.machine = r.text_or("machine", "");
  p.end_variable = r.text_or("end_variable", "");
  p.end_program = r.text_or("end_program", "");
  p.key_variable = r.text_or("key_variable", "");
  p.jupyter = r.texts_or_empty("jupyter");
  p.margin = read_span(r, "margin_s");
  const bool known = std::find(p.plans.begin(), p.plans.end(), p.default_plan) != p.plans.end();
  if (known == p.plans.empty() || (p.plans.empty() && !p.default_plan.empty())) {
    r.fail("default_plan", "is not one of plans");
  }
  if (!r.ok()) {
    return r.error();
  }
  GPUJOB_TRY(read_parts(*j, where, p));
  GPUJOB_TRY(check_names(p, where));
  return p;
}

} // namespace gpujob::platform
