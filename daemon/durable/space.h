// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/statvfs.h>

/// How much more the durable directory takes, before anything is written there.
namespace gpujob::durable {

/// What somebody allows the whole durable directory to hold. Bytes.
struct Cap {
  std::uint64_t cap_bytes = 0, used_bytes = 0;
};

/// Bytes that `fs` says are free for us; nullopt when its words make no sense: some FUSE file
/// systems answer zeros, or more free than there is.
std::optional<std::uint64_t> plausible_free(const struct statvfs& fs);

/// Of the file system of `dir`; nullopt: not known.
std::optional<std::uint64_t> free_bytes(const std::string& dir);

/// What has changed there since the copy of one checkpoint was thought of. Bytes.
struct Moved {
  std::uint64_t freed = 0;   ///< removed since the cap's used_bytes were counted
  std::uint64_t written = 0; ///< of the checkpoint itself, there already
};

/// One durable directory, asked anew at each look.
class Space {
public:
  Space(std::string dir, std::optional<Cap> cap) : m_dir(std::move(dir)), m_cap(cap) {}

  /// Bytes of the checkpoint that fit, those `written` among them; nullopt: not known, so that only
  /// trying tells.
  [[nodiscard]] std::optional<std::uint64_t> left(const Moved& moved) const;
  /// Errc::io "durable: DIR: needs 1.2 GB, 300 MB are free: what to do". Only where left() is
  /// known.
  [[nodiscard]] Error refusal(std::uint64_t needed, const Moved& moved, int pruned) const;

private:
  [[nodiscard]] std::optional<std::uint64_t> left_of_cap(std::uint64_t freed) const;

  std::string m_dir;
  std::optional<Cap> m_cap;
};

} // namespace gpujob::durable
