// SPDX-License-Identifier: Apache-2.0
#include "common/gpu/xid.h"

#include <algorithm>
#include <iterator>

namespace gpujob {

namespace {

struct Meaning {
  std::int64_t xid;
  std::string_view text;
};

// After NVIDIA's "XID Errors" (docs.nvidia.com /deploy/xid-errors), in our words.
constexpr Meaning k_meanings[] = {
    {13, "a program broke a rule of the GPU: mostly its own fault"},
    {31, "a program read or wrote memory that is not its own: mostly its own fault"},
    {32, "commands arrived damaged: the driver or the bus"},
    {38, "the firmware failed: restart the machine"},
    {43, "a program's work was stopped after a fault of its own: the GPU is well"},
    {45, "a program's work was ended, with it or after another error"},
    {48, "memory error that could not be corrected: the GPU needs a reset"},
    {61, "the firmware stopped: the GPU needs a reset"},
    {62, "the firmware stopped: the GPU needs a reset"},
    {63, "a bad place of its memory was noted, and is left out after a reset"},
    {64, "a bad place of its memory could not be noted: have it looked at"},
    {69, "a program broke a rule of the GPU: mostly its own fault"},
    {74, "the link to another GPU (NVLink) failed: jobs on several GPUs will fail"},
    {79, "it has fallen off the bus: only a restart of the machine brings it back"},
    {92, "many memory errors, all corrected: it may fail soon"},
    {94, "memory error that hit one program only: start that again"},
    {95, "memory error that may have hit every program: the GPU needs a reset"},
    {109, "a program's work took too long to change over: the GPU may need a reset"},
    {119, "its system processor (GSP) does not answer: the GPU needs a reset"},
    {120, "its system processor (GSP) failed: the GPU needs a reset"},
    {140, "memory error that could not be corrected: the GPU needs a reset"},
};

} // namespace

std::string_view xid_meaning(std::int64_t xid) {
  const auto* const found = std::ranges::find(k_meanings, xid, &Meaning::xid);
  return found == std::end(k_meanings) ? std::string_view() : found->text;
}

} // namespace gpujob
