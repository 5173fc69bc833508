// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob::durable {

struct ManifestFile {
  std::string path; ///< relative to the parent of the checkpoint: begins with its name
  std::uint64_t size = 0;
  std::string sha256; ///< 64 lower-case hexadecimal digits
  unsigned mode = 0600;
  /// Where the bytes are, below the job's directory: "attempts/<attempt>-<session>/checkpoints/
  /// <seq>/data/<path>". Empty: in the checkpoint's own data/.
  std::string at{};

  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

/// No save takes longer, and a sum of such is a number. Seconds.
constexpr double k_longest_save_s = 1e7;

/// More of it is left out: it is only experience.
constexpr std::size_t k_longest_past = 16 * 1024;

/// A longer name of a storage is none.
constexpr std::size_t k_longest_storage = 128;

/// Seconds that a save took, as far as they are known.
struct Took {
  std::optional<double> save_s;   ///< from the request to the word that it is saved
  std::optional<double> verify_s; ///< listing and hashing it on the VM
  std::optional<double> copy_s;   ///< copying it and reading it back
  std::string storage{}; ///< what it was copied to, as the daemon names it; empty: not known

  /// From that word to the copy that counts.
  [[nodiscard]] std::optional<double> secure_s() const;
  friend bool operator==(const Took&, const Took&) = default;
};

/// What a checkpoint consisted of when it was found whole. A copy without a manifest is no
/// checkpoint: the manifest is written last and removed first.
struct Manifest {
  std::string job;
  int attempt = 0;
  std::string session;
  std::int64_t seq = 0;
  std::string source; ///< the path the job gave; its last component is `name`
  std::string how;    ///< notify, exit, stdout, files
  std::optional<std::int64_t> step;
  std::int64_t at_ns = 0;
  std::string name;
  bool is_dir = false;
  std::vector<std::string> dirs; ///< so that empty directories come back
  std::vector<ManifestFile> files;
  Took took{};
  /// What the daemon knew of earlier saves, as JSON: not for this room to know. Empty: nothing.
  std::string past{};

  /// Of all files, wherever their bytes lie.
  [[nodiscard]] std::uint64_t bytes() const;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

std::string encode(const Manifest& m);
/// Refuses whatever would lead out of the directory it is applied to.
Result<Manifest> decode_manifest(std::string_view text);
/// Errc::not_found when there is none.
Result<Manifest> read_manifest(const std::string& path);

/// Same name, files, sizes and hashes; who made it, when and where the bytes lie may differ.
bool same_content(const Manifest& a, const Manifest& b);

} // namespace gpujob::durable
