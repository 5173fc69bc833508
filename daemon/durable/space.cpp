// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/space.h"

#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::durable {

std::optional<std::uint64_t> plausible_free(const struct statvfs& fs) {
  if (fs.f_blocks == 0 || fs.f_frsize == 0 || fs.f_bavail > fs.f_blocks) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize;
}

std::optional<std::uint64_t> free_bytes(const std::string& dir) {
  struct statvfs fs {};
  return ::statvfs(dir.c_str(), &fs) == 0 ? plausible_free(fs) : std::nullopt;
}

std::optional<std::uint64_t> Space::left_of_cap(std::uint64_t freed) const {
  if (!m_cap) {
    return std::nullopt;
  }
  const auto used = m_cap->used_bytes - std::min(m_cap->used_bytes, freed);
  return m_cap->cap_bytes - std::min(m_cap->cap_bytes, used);
}

std::optional<std::uint64_t> Space::left(const Moved& moved) const {
  const auto by_cap = left_of_cap(moved.freed);
  auto by_disk = free_bytes(m_dir);
  if (by_disk) {
    *by_disk += moved.written;
  }
  return by_cap && by_disk ? std::min(by_cap, by_disk) : by_cap ? by_cap : by_disk;
}

Error Space::refusal(std::uint64_t needed, const Moved& moved, int pruned) const {
  const auto by_cap = left_of_cap(moved.freed);
  const auto left_now = left(moved).value_or(0);
  const bool capped = by_cap && *by_cap == left_now;
  auto text = fmt::format("durable: {}: needs {}, {} are ", printable(m_dir), format_bytes(needed),
                          format_bytes(left_now));
  text += capped ? fmt::format("left of the {} that it may hold", format_bytes(m_cap->cap_bytes))
                 : std::string("free");
  if (pruned > 0) {
    text += fmt::format(", with {} older {} removed", pruned,
                        pruned == 1 ? "checkpoint" : "checkpoints");
  }
  text += capped ? ": raise that, remove what is not needed there, or give another --durable"
                 : ": free some, or give another --durable";
  return Error{Errc::io, std::move(text)};
}

} // namespace gpujob::durable
