// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/limit_json.h"
#include "common/text.h"
#include "daemon/platform/json_parts.h"
#include "daemon/platform/keys.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace gpujob::platform {

namespace {

using json::Json;
using json::Reader;

Result<LimitKind> read_session(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
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
  return finish_limit(r, std::move(c));
}

Result<LimitKind> read_idle(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  IdleCap c;
  c.value = read_span(r, "seconds");
  c.alternatives = read_alternatives(r);
  c.ask = r.text_or("ask", "");
  c.counts = r.texts_or_empty("counts");
  c.not_counts = r.texts_or_empty("not_counts");
  c.observable = r.boolean_or("observable", true);
  return finish_limit(r, std::move(c));
}

/// A positive number, or none.
std::optional<std::int64_t> read_count(Reader& r, const char* key) {
  const auto n = r.maybe_integer(key);
  if (n && *n <= 0) {
    r.fail(key, "is not positive");
  }
  return n;
}

Result<LimitKind> read_disk(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  DiskCap c;
  c.path = r.text("path");
  c.bytes = read_count(r, "bytes");
  c.max_files = read_count(r, "max_files");
  if (!c.path.starts_with('/')) {
    r.fail("path", "does not begin with /");
  }
  return finish_limit(r, std::move(c));
}

Result<LimitKind> read_memory(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  return finish_limit(r, MemoryCap{r.integer_in("bytes", 1, std::int64_t{1} << 50)});
}

Result<LimitKind> read_concurrency(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  ConcurrencyCap c;
  c.count = r.integer_in("count", 1, 1000000);
  c.scope = r.text("scope");
  return finish_limit(r, std::move(c));
}

Result<LimitKind> read_check(Reader& r, const Json& /*j*/, const std::string& /*where*/) {
  return finish_limit(r, PresenceCheck{std::chrono::seconds{r.integer_in("after_s", 1, 86400)}});
}

struct Type {
  std::string_view name;
  Result<LimitKind> (*read)(Reader&, const Json&, const std::string&);
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
