// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Names and paths inside of a durable directory (daemon/ARCHITECTURE.md, "Directories"), and the
/// few ways in which we write there.
namespace gpujob::durable {

/// [a-z0-9]{1,64}: what may become a component of a path.
bool is_id(std::string_view text);

/// One attempt of a job in one session: exactly one VM writes its directory.
struct AttemptKey {
  std::string job;
  int attempt = 0;
  std::string session;
};

/// "<attempt>-<session>", or nothing when the name is no such.
std::optional<AttemptKey> parse_attempt_name(const std::string& job, std::string_view name);

/// Attempts, checkpoints and heartbeats are counted; nothing of ours comes near this, and the next
/// number always fits.
constexpr std::int64_t k_max_number = 1'000'000'000;

/// A positive number (at most k_max_number) without sign or leading zeros, as names hold it.
std::optional<std::int64_t> parse_seq(std::string_view name);

std::string job_dir(const std::string& dir, const std::string& job);
std::string attempt_dir(const std::string& dir, const AttemptKey& key);
std::string checkpoint_dir(const std::string& dir, const AttemptKey& key, std::int64_t seq);
std::string session_dir(const std::string& dir, const std::string& session);

/// The job's directory that the durable checkpoint ".../checkpoints/<seq>" belongs to.
std::string job_dir_above(const std::string& checkpoint);

namespace name {
constexpr const char* k_spec = "spec.json";
constexpr const char* k_end = "end.json";
constexpr const char* k_checkpoints = "checkpoints";
constexpr const char* k_manifest = "manifest.json";
constexpr const char* k_data = "data";
constexpr const char* k_pruned = "pruned.json"; ///< the manifest of one that was pruned
constexpr const char* k_closed = "closed.json";
} // namespace name

/// Names in a directory, sorted; none when there is no directory. Errc::io when it cannot be read.
Result<std::vector<std::string>> names_in(const std::string& path);

/// "durable directory: PATH: why: what to do".
Error place_error(const std::string& path, const std::string& why_and_remedy);

/// The same for a failed system call, with the remedy that fits its errno.
Error storage_error(const std::string& path, int saved_errno);

/// fsync of a directory; file systems that cannot do that have nothing to lose by it.
Result<void> sync_dir(const std::string& path);

/// mkdir -p below `dir`, which itself must be there; what is new is synced up to `dir`.
Result<void> make_dirs(const std::string& dir, const std::string& path);

/// atomic_replace below `dir`, its directories made first; errors read as above.
Result<void> put_file(const std::string& dir, const std::string& path, std::string_view bytes);

} // namespace gpujob::durable
