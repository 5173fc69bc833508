// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/catch.h"

#include <cstdlib>
#include <string>

namespace gpujob::test {

/// A test that cannot run here says why; GPUJOB_TEST_STRICT=1 (CI) makes that a failure. The caller
/// returns right after.
inline void skip(const std::string& why) {
  const char* strict = std::getenv("GPUJOB_TEST_STRICT");
  if (strict != nullptr && std::string(strict) == "1") {
    FAIL("skipped under GPUJOB_TEST_STRICT: " << why);
  }
  WARN("skipped: " << why);
}

} // namespace gpujob::test
