// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/world.h"

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace gpujob {

/// Sees the moments of jobs' lives that deserve a picture of the GPUs, by what has changed from one
/// commit to the next. Pure.
class JobMoments {
public:
  struct Moment {
    std::string reason; ///< start, checkpoint, warning, limit, end
    policy::JobId job;
    int attempt = 0;

    friend bool operator==(const Moment&, const Moment&) = default;
  };

  /// What is so in `w` is nothing new.
  explicit JobMoments(const policy::World& w);

  std::vector<Moment> observe(const policy::World& w,
                              std::span<const policy::Announcement> announcements,
                              const std::set<policy::JobId>& changed);

private:
  struct Known {
    int attempt = 0;
    bool running = false;
    int verified = 0; ///< seq of the newest verified checkpoint
    bool final_request = false;
  };
  static Known look_at(const policy::Job& job);

  std::map<policy::JobId, Known> m_known; ///< every job that there is
};

} // namespace gpujob
