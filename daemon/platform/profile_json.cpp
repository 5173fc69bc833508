// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/platform/keys.h"
#include "daemon/platform/profile.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::platform {

namespace {

using json::Json;

std::string below(const std::string& where, const char* key) {
  return where + "." + key;
}
std::string below(const std::string& where, const char* key, std::size_t index) {
  return fmt::format("{}.{}[{}]", where, key, index);
}

Error wrong(const std::string& where, const char* why) {
  return Error{Errc::bad_data, fmt::format("{}: {}", where, why)};
}

Confidence read_confidence(json::Reader& r) {
  const auto c = confidence_from_text(r.text("confidence"));
  if (!c) {
    r.fail("confidence", "is not low, medium or high");
  }
  return c.value_or(Confidence::low);
}

Duration seconds(std::int64_t s) {
  return std::chrono::seconds{s};
}

/// Positive, and small enough to be nanoseconds in 64 bits.
bool is_span(std::int64_t s) {
  return s > 0 && s <= 366 * 86400;
}

/// Reads each element of the list `key` with `read`; an absent list is empty.
template <typename T, typename ReadOne>
Result<std::vector<T>> read_list(const Json& object, const char* key, const std::string& where,
                                 ReadOne read) {
  std::vector<T> out;
  const auto it = object.find(key);
  if (it == object.end()) {
    return out;
  }
  if (!it->is_array()) {
    return wrong(below(where, key), "is not a list");
  }
  for (std::size_t i = 0; i < it->size(); ++i) {
    auto item = read((*it)[i], below(where, key, i));
    if (!item) {
      return item.error();
    }
    out.push_back(std::move(*item));
  }
  return out;
}

Result<Condition> read_condition(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j, {"env", "env_eq", "dir", "file", "any", "all"}, where));
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
  if (key == "env_eq") {
    const auto pair = r.texts_or_empty("env_eq");
    if (pair.size() != 2) {
      r.fail("env_eq", "is not a list of name and value");
    } else {
      c = {Condition::Kind::env_equals, pair[0], pair[1], {}};
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
  GPUJOB_TRY(check_keys(j, {"any", "all", "none"}, where));
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
  return Detect{std::move(*when), std::move(*none)};
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

Result<LimitRule> read_limit(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(j,
                        {"type", "seconds", "alternatives_s", "variants", "not_variants", "plans",
                         "hard", "source", "as_of", "confidence"},
                        where));
  json::Reader r(j, where);
  LimitRule l;
  if (r.text("type") != "session") {
    r.fail("type", "is not session");
  }
  if (const auto s = r.maybe_integer("seconds")) {
    if (!is_span(*s)) {
      r.fail("seconds", "is not within 1 and a year");
    } else {
      l.value = seconds(*s);
    }
  }
  for (const int s : r.integers_or_empty("alternatives_s")) {
    if (!is_span(s)) {
      r.fail("alternatives_s", "is not within 1 and a year");
    }
    l.alternatives.push_back(seconds(s));
  }
  l.variants = r.texts_or_empty("variants");
  l.not_variants = r.texts_or_empty("not_variants");
  l.plans = r.texts_or_empty("plans");
  l.hard = r.boolean_or("hard", true);
  l.source = r.text("source");
  l.as_of = r.text("as_of");
  l.confidence = read_confidence(r);
  if (!r.ok()) {
    return r.error();
  }
  return l;
}

Result<DurablePlace> read_place(const Json& j, const std::string& where) {
  GPUJOB_TRY(check_keys(
      j, {"path", "require_mount", "level", "hint", "source", "as_of", "confidence"}, where));
  json::Reader r(j, where);
  DurablePlace p;
  p.path = r.text("path");
  p.require_mount = r.text_or("require_mount", "");
  p.level = r.text("level");
  p.hint = r.text_or("hint", "");
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
  GPUJOB_TRY(check_keys(j, {"kind", "grace_s", "source", "as_of", "confidence"}, where));
  json::Reader r(j, where);
  Notice n;
  n.kind = r.text("kind");
  const auto grace = r.integer("grace_s");
  r.text("source");
  r.text("as_of");
  read_confidence(r);
  if (n.kind != "none" && n.kind != "signal") {
    r.fail("kind", "is not none or signal");
  }
  if (grace < 0 || grace > 86400) {
    r.fail("grace_s", "is not within 0 and a day");
  }
  if (!r.ok()) {
    return r.error();
  }
  n.grace = seconds(grace);
  return n;
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
  p.session_limits = std::move(*limits);
  GPUJOB_TRY(read_durable(j.value("durable", Json()), below(where, "durable"), p));
  auto notice = read_notice(j.value("notice", Json()), below(where, "notice"));
  if (!notice) {
    return notice.error();
  }
  p.notice = std::move(*notice);
  return {};
}

} // namespace

Result<Profile> parse_profile(std::string_view text, std::string_view name) {
  const auto where = fmt::format("profile {}", name);
  auto j = json::parse(text, where);
  if (!j) {
    return j.error();
  }
  GPUJOB_TRY(check_keys(*j,
                        {"id", "title", "priority", "as_of", "detect", "variants", "plans",
                         "default_plan", "limits", "margin_s", "durable", "notice"},
                        where));
  json::Reader r(*j, where);
  Profile p;
  p.id = r.text("id");
  p.title = r.text("title");
  p.as_of = r.text("as_of");
  p.priority = r.integer("priority");
  p.plans = r.texts_or_empty("plans");
  p.default_plan = r.text_or("default_plan", "");
  if (const auto margin = r.maybe_integer("margin_s")) {
    if (!is_span(*margin)) {
      r.fail("margin_s", "is not within 1 and a year");
    } else {
      p.margin = seconds(*margin);
    }
  }
  const bool known = std::find(p.plans.begin(), p.plans.end(), p.default_plan) != p.plans.end();
  if (known == p.plans.empty() || (p.plans.empty() && !p.default_plan.empty())) {
    r.fail("default_plan", "is not one of plans");
  }
  if (!r.ok()) {
    return r.error();
  }
  GPUJOB_TRY(read_parts(*j, where, p));
  return p;
}

} // namespace gpujob::platform
