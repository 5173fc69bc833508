// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"
#include "daemon/policy/limits/amount.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

/// What happened outside of what we count, as somebody said it: `gpujob quota add|set|import`.
/// Each is one small file of the ledger that is never changed.
namespace gpujob::platform {

struct Said {
  enum class Kind : std::uint8_t {
    use,     ///< `span` of the resource `name` was used, until `at`
    left,    ///< of the resource `name` `span` was left at `at`
    grant,   ///< `span` of kind `name` was given at `at`
    balance, ///< `amount` of the unit or currency `name` was there at `at`
  };

  std::string id; ///< of the saying: the union over files counts it once
  std::string platform;
  Kind kind = Kind::use;
  std::string name;
  WallTime at{};
  Duration span{};
  limits::Amount amount;
  std::optional<Duration> total;   ///< left: of so much
  std::optional<WallTime> renews;  ///< left: it begins anew then
  std::optional<WallTime> expires; ///< grant; nullopt: as its kind does
  std::string by;                  ///< "gpujob quota set", "kaggle quota"

  friend bool operator==(const Said&, const Said&) = default;
};

std::string_view to_text(Said::Kind kind);

nlohmann::json to_json(const Said& said);
/// Errc::bad_data names the key.
Result<Said> said_from_json(const nlohmann::json& j);

} // namespace gpujob::platform
