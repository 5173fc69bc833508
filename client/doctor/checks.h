// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views/session.h"
#include "common/time.h"

#include <optional>
#include <string>
#include <vector>

/// What `gpujob doctor` looks at, and what it makes of it. Judging is pure; looking is look_around.
namespace gpujob::client {

/// This machine, as it was found.
struct Surroundings {
  bool has_gpu_device = false;    ///< a driver's device is there
  std::string gpu_library;        ///< where libnvidia-ml.so.1 was found; empty: nowhere
  std::vector<std::string> lacks; ///< programs that should lie beside gpujob, and do not
  std::string proxy;              ///< which variable names one; empty: none
  bool has_tzdata = true;
  std::string trouble;                    ///< why the daemon can store nothing; empty: it can
  std::vector<std::string> user_profiles; ///< files that override what is built in
  WallTime now{};
};

Surroundings look_around();

enum class Health { good, note, bad };

struct Finding {
  Health health = Health::good;
  std::string what;   ///< "durable"
  std::string how;    ///< what was found
  std::string remedy; ///< what to do; empty: nothing
};

/// In the order in which a person should read them.
std::vector<Finding> judge(const SessionView& session, const Surroundings& around);

} // namespace gpujob::client
