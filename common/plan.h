// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace gpujob {

/// Why a job is being ended.
enum class EndReason : std::uint8_t { session_limit, stop };

std::string_view to_text(EndReason r);
std::optional<EndReason> end_reason_from_text(std::string_view s);

/// How a job will be ended: what its shim holds and carries out even with no daemon alive.
/// All instants are on CLOCK_BOOTTIME of this boot. Without `request_at` nothing is asked;
/// without `term_at` nothing is ended.
struct Plan {
  std::int64_t number = 0; ///< counts the plans given to one attempt
  EndReason reason = EndReason::session_limit;
  std::optional<BootTime> request_at; ///< ask for the final checkpoint
  std::optional<BootTime> term_at;    ///< TERM; kept `grace` after the request was really sent
  std::optional<BootTime> hard_end;   ///< the platform's end: nothing is moved past it
  Duration grace{};                   ///< request to TERM
  Duration kill_grace{};              ///< TERM to KILL
  bool saved = false; ///< the checkpoint is safe: TERM at `term_at`, the grace need not pass

  friend bool operator==(const Plan&, const Plan&) = default;
};

/// Equal but for the number: nothing new to say to the shim.
bool same_course(const Plan& a, const Plan& b);

nlohmann::json to_json(const Plan& p);
Result<Plan> plan_from_json(const nlohmann::json& j);

} // namespace gpujob
