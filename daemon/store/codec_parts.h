// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "daemon/policy/job.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

/// Shared by the codecs of a job's row.
namespace gpujob::store {

inline constexpr std::pair<policy::Work, const char*> k_work[] = {{policy::Work::none, "none"},
                                                                  {policy::Work::wanted, "wanted"},
                                                                  {policy::Work::issued, "issued"}};

inline const char* work_text(policy::Work w) {
  for (const auto& [work, text] : k_work) {
    if (work == w) {
      return text;
    }
  }
  return "none";
}

inline policy::Work read_work(json::Reader& r, const char* key) {
  const auto found = r.text_or(key, "none");
  for (const auto& [work, text] : k_work) {
    if (found == text) {
      return work;
    }
  }
  r.fail(key, "is not none, wanted or issued");
  return policy::Work::none;
}

inline void put_boot(json::Json& j, const char* key, const std::optional<BootTime>& at) {
  if (at) {
    j[key] = to_ns(*at);
  }
}

} // namespace gpujob::store
