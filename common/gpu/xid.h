// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace gpujob {

/// Whose an error that NVIDIA's driver reports (an Xid) usually is, by what there is to do.
enum class XidKind : std::uint8_t {
  program, ///< a program's own fault, or its end: the GPU is well
  memory,  ///< bits were lost: what was computed may be wrong
  wear,    ///< nothing is lost yet
  broken,  ///< what runs there may hang or fail
  gone,    ///< nothing that is there can be saved
  unknown, ///< none of the well-known ones
};
XidKind xid_kind(std::int64_t xid);

/// What it means for who runs a job: whose fault it usually is, and what to do. Empty: unknown.
std::string_view xid_meaning(std::int64_t xid);

/// The same in two or three words. Empty: unknown.
std::string_view xid_short(std::int64_t xid);

} // namespace gpujob
