// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/simulate/trace.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::simulate {

/// One way to decide when to save. It sees what a daemon would see, in the order it would: its
/// sessions' beginnings, saves that ended well, sessions' ends.
class Contestant {
public:
  virtual ~Contestant() = default;

  /// Another user: all that was learned is forgotten.
  virtual void new_user(std::uint64_t /*user*/) {}
  /// Of it only the one who knows the future looks at more than the cap.
  virtual void session_begins(const Session&) {}
  /// When to start the next save, seconds from the session's start, with so much work at risk;
  /// never before `now`. nullopt: not at all.
  virtual std::optional<double> next_save(double now, double at_risk) = 0;
  virtual void saved(double /*now*/, double /*took*/) {}
  virtual void session_ended(double /*length*/) {}

  /// The chance, as it sees it when a session begins, that this ends with nothing durable although
  /// a save at once would have been; nullopt: it has no opinion.
  virtual std::optional<double> stated_miss() { return std::nullopt; }
};

enum class Kind {
  rule,      ///< as people do it today; the figures compare the planner with these
  formula,   ///< Young's and Daly's, told the mean time between ends and the mean save
  planner,   ///< from nothing
  reference, ///< the planner that is told the laws
  bound,     ///< what nobody can reach
};

struct Entry {
  std::string name;
  Kind kind;
  std::unique_ptr<Contestant> contestant;
};

/// All of them, always in the same order; `seed` is for what users believe before their first save.
std::vector<Entry> contestants(const Laws& laws, std::uint64_t seed);

} // namespace gpujob::simulate
