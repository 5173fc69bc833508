// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/op_request.h"

#include "common/file.h"
#include "common/remote_name.h"
#include "daemon/durable/open.h"

#include <nlohmann/json.hpp>

namespace gpujob::durable {

using gpujob::json::Reader;

namespace {

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

} // namespace

std::string read_path(Reader& r, const char* key, bool required) {
  if (!required && r.find(key) == nullptr) {
    return {};
  }
  auto path = without_trailing_slashes(r.bytes(key));
  if (!required && path.empty()) {
    return path;
  }
  if (r.ok() && (path.empty() || path.front() != '/' || path.find('\0') != std::string::npos)) {
    r.fail(key, "is not an absolute path");
  }
  return path;
}

std::int64_t read_positive(Reader& r, const char* key) {
  return r.integer_in(key, 1, k_max_number);
}

std::string read_id(Reader& r, const char* key) {
  auto id = r.text(key);
  if (r.ok() && !is_id(id)) {
    r.fail(key, "is not an id ([a-z0-9], 1 to 64)");
  }
  return id;
}

AttemptKey read_key(Reader& r) {
  return AttemptKey{read_id(r, "job"), static_cast<int>(read_positive(r, "attempt")),
                    read_id(r, "session")};
}

std::optional<Remote> read_remote(Reader& r, const std::string& dir) {
  const auto* named = r.find("remote");
  if (named == nullptr) {
    return std::nullopt;
  }
  const auto name = remote_of(std::string(k_rclone_prefix) + r.bytes("remote"));
  if (!name || dir.empty()) {
    r.fail("remote", "is not NAME:PATH of an rclone remote with a spool");
    return std::nullopt;
  }
  return Remote(dir, *name);
}

Result<Durable> read_durable(Reader& r) {
  Durable out{read_path(r, "dir"), std::nullopt};
  out.remote = read_remote(r, out.dir);
  if (!r.ok()) {
    return r.error();
  }
  // The spool is this machine's own: it is made when it has gone.
  GPUJOB_TRY(out.remote ? make_directories(out.dir) : check_durable(out.dir, read_mounts()));
  return out;
}

} // namespace gpujob::durable
