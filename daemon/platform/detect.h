// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/platform/facts.h"
#include "daemon/platform/profile.h"

#include <string>
#include <vector>

namespace gpujob::platform {

struct Detection {
  std::string platform, variant;      ///< variant is empty when there is none
  std::vector<std::string> evidence;  ///< which markers spoke for it, and where they were
  std::vector<std::string> conflicts; ///< what speaks for another platform
  Confidence confidence = Confidence::low;
};

/// A marker in the environment (this process's, else PID 1's) outweighs one that is only a path,
/// since anybody can make a directory; among equals the smaller priority wins. Never fails: the
/// profile without markers remains.
Detection detect_platform(const std::vector<Profile>& profiles, const Facts& facts);

/// The user's word. `what` names who said it ("--platform"). An unknown platform is Errc::usage and
/// the error lists the known ones.
Result<Detection> override_platform(const std::vector<Profile>& profiles, const Facts& facts,
                                    const std::string& id, const std::string& what);

} // namespace gpujob::platform
