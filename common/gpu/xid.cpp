// SPDX-License-Identifier: Apache-2.0
#include "common/gpu/xid.h"

#include <algorithm>
#include <iterator>

namespace gpujob {

namespace {

struct Meaning {
  std::int64_t xid;
  XidKind kind;
  std::string_view in_short, text;
};

// After NVIDIA's "XID Errors" (docs.nvidia.com /deploy/xid-errors), in our words.
constexpr Meaning k_meanings[] = {
    {13, XidKind::program, "program's fault",
     "a program broke a rule of the GPU: mostly its own fault"},
    {31, XidKind::program, "program's fault",
     "a program read or wrote memory that is not its own: mostly its own fault"},
    {32, XidKind::broken, "damaged commands", "commands arrived damaged: the driver or the bus"},
    {38, XidKind::broken, "firmware failed", "the firmware failed: restart the machine"},
    {43, XidKind::program, "program's fault",
     "a program's work was stopped after a fault of its own: the GPU is well"},
    {45, XidKind::program, "program ended",
     "a program's work was ended, with it or after another error"},
    {48, XidKind::memory, "memory error",
     "memory error that could not be corrected: the GPU needs a reset"},
    {61, XidKind::broken, "firmware stopped", "the firmware stopped: the GPU needs a reset"},
    {62, XidKind::broken, "firmware stopped", "the firmware stopped: the GPU needs a reset"},
    {63, XidKind::wear, "bad memory noted",
     "a bad place of its memory was noted, and is left out after a reset"},
    {64, XidKind::wear, "bad memory",
     "a bad place of its memory could not be noted: have it looked at"},
    {69, XidKind::program, "program's fault",
     "a program broke a rule of the GPU: mostly its own fault"},
    {74, XidKind::broken, "NVLink failed",
     "the link to another GPU (NVLink) failed: jobs on several GPUs will fail"},
    {79, XidKind::gone, "off the bus",
     "it has fallen off the bus: only a restart of the machine brings it back"},
    {92, XidKind::wear, "memory wears out", "many memory errors, all corrected: it may fail soon"},
    {94, XidKind::memory, "memory error",
     "memory error that hit one program only: start that again"},
    {95, XidKind::memory, "memory error",
     "memory error that may have hit every program: the GPU needs a reset"},
    {109, XidKind::broken, "hangs",
     "a program's work took too long to change over: the GPU may need a reset"},
    {119, XidKind::broken, "GSP hangs",
     "its system processor (GSP) does not answer: the GPU needs a reset"},
    {120, XidKind::broken, "GSP failed",
     "its system processor (GSP) failed: the GPU needs a reset"},
    {140, XidKind::memory, "memory error",
     "memory error that could not be corrected: the GPU needs a reset"},
};

const Meaning* find_meaning(std::int64_t xid) {
  const auto* const found = std::ranges::find(k_meanings, xid, &Meaning::xid);
  return found == std::end(k_meanings) ? nullptr : found;
}

} // namespace

XidKind xid_kind(std::int64_t xid) {
  const auto* const found = find_meaning(xid);
  return found == nullptr ? XidKind::unknown : found->kind;
}

std::string_view xid_meaning(std::int64_t xid) {
  const auto* const found = find_meaning(xid);
  return found == nullptr ? std::string_view() : found->text;
}

std::string_view xid_short(std::int64_t xid) {
  const auto* const found = find_meaning(xid);
  return found == nullptr ? std::string_view() : found->in_short;
}

} // namespace gpujob
