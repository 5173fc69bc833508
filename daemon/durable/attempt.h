// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/job_spec.h"
#include "common/result.h"
#include "daemon/durable/place.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

/// spec.json and end.json of an attempt: what a later session needs to go on with the job.
namespace gpujob::durable {

/// Counted so far.
struct Budgets {
  std::int64_t interruptions = 0, failures = 0, no_progress = 0;

  friend bool operator==(const Budgets&, const Budgets&) = default;
};

struct Begin {
  std::int64_t at_ns = 0;
  JobSpec spec;
  Budgets budgets;
};

struct End {
  std::int64_t at_ns = 0;
  std::string state;
  std::optional<int> exit;
  std::string reason;
  Budgets budgets;
};

nlohmann::json to_json(const Budgets& b);
nlohmann::json to_json(const End& e);
/// `j` has at_ns, spec and budgets.
Result<Begin> begin_from_json(const nlohmann::json& j);
/// `j` has at_ns, state, exit, reason and budgets.
Result<End> end_from_json(const nlohmann::json& j);

Result<void> write_begin(const std::string& dir, const AttemptKey& key, const Begin& begin);
Result<void> write_end(const std::string& dir, const AttemptKey& key, const End& end);
/// Errc::not_found when the file is not there.
Result<Begin> read_begin(const std::string& attempt_dir);
Result<End> read_end(const std::string& attempt_dir);

} // namespace gpujob::durable
