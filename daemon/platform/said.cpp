// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/said.h"

#include "common/json.h"

#include <array>
#include <nlohmann/json.hpp>

namespace gpujob::platform {

namespace {

constexpr std::array k_kinds{Said::Kind::use, Said::Kind::left, Said::Kind::grant,
                             Said::Kind::balance};

} // namespace

std::string_view to_text(Said::Kind kind) {
  switch (kind) {
  case Said::Kind::use:
    return "use";
  case Said::Kind::left:
    return "left";
  case Said::Kind::grant:
    return "grant";
  case Said::Kind::balance:
    break;
  }
  return "balance";
}

nlohmann::json to_json(const Said& s) {
  nlohmann::json j{{"v", 1},
                   {"id", s.id},
                   {"platform", s.platform},
                   {"kind", to_text(s.kind)},
                   {"name", s.name},
                   {"at_ns", to_ns(s.at)},
                   {"by", s.by}};
  if (s.kind == Said::Kind::balance) {
    j["amount"] = s.amount.text();
  } else {
    j["span_ns"] = s.span.count();
  }
  if (s.total) {
    j["total_ns"] = s.total->count();
  }
  if (s.renews) {
    j["renews_ns"] = to_ns(*s.renews);
  }
  if (s.expires) {
    j["expires_ns"] = to_ns(*s.expires);
  }
  return j;
}

Result<Said> said_from_json(const nlohmann::json& j) {
  json::Reader r(j, "ledger: said");
  Said s;
  s.id = r.text("id");
  s.platform = r.text("platform");
  s.name = r.text("name");
  s.at = r.wall_time("at_ns");
  s.by = r.text_or("by", "");
  const auto kind = r.text("kind");
  bool known = false;
  for (const auto k : k_kinds) {
    if (kind == to_text(k)) {
      s.kind = k;
      known = true;
    }
  }
  if (!known) {
    r.fail("kind", "is not use, left, grant or balance");
  }
  if (s.kind == Said::Kind::balance) {
    const auto amount = limits::Amount::parse(r.text("amount"));
    if (!amount) {
      r.fail("amount", "is not an amount");
    }
    s.amount = amount ? *amount : limits::Amount();
  } else {
    s.span = r.span("span_ns");
  }
  s.total = r.maybe_span("total_ns");
  s.renews = r.maybe_wall_time("renews_ns");
  s.expires = r.maybe_wall_time("expires_ns");
  return r.ok() ? Result<Said>(std::move(s)) : Result<Said>(r.error());
}

} // namespace gpujob::platform
