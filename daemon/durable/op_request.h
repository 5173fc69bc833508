// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "daemon/durable/place.h"
#include "daemon/durable/remote.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

/// What the requests of the helper have in common. A wrong value is an error of the reader.
namespace gpujob::durable {

/// An absolute path without a NUL; "" only when it is null or empty and `required` does not hold.
std::string read_path(json::Reader& r, const char* key, bool required = true);
std::int64_t read_positive(json::Reader& r, const char* key);
std::string read_id(json::Reader& r, const char* key);
AttemptKey read_key(json::Reader& r);

/// `remote` (rclone's "NAME:PATH", or null), whose spool is `dir`.
std::optional<Remote> read_remote(json::Reader& r, const std::string& dir);

/// Where a request writes.
struct Durable {
  std::string dir;
  std::optional<Remote> remote;
};

/// The durable directory that an earlier `open` proved.
Result<Durable> read_durable(json::Reader& r);

Result<nlohmann::json> op_begin(json::Reader& r, const nlohmann::json& request);
Result<nlohmann::json> op_end(json::Reader& r, const nlohmann::json& request);
Result<nlohmann::json> op_heartbeat(json::Reader& r, const nlohmann::json& request);
Result<nlohmann::json> op_say(json::Reader& r, const nlohmann::json& request);
Result<nlohmann::json> op_secure(json::Reader& r, const nlohmann::json& request);
Result<nlohmann::json> op_resume(json::Reader& r, const nlohmann::json& request);

} // namespace gpujob::durable
