// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/limits/zone.h"

#include <map>
#include <string>
#include <vector>

namespace gpujob::limits {

/// When a resource was used, by which machine: what all sessions together have written down. Two
/// sessions of one machine (its start was corrected, say) use it once.
struct Use {
  std::string machine;
  std::string resource; ///< "gpu", "cpu", "tpu"
  Span when;

  friend bool operator==(const Use&, const Use&) = default;
};

/// The uses of all sessions, as a set: adding in any order, and adding again, gives the same. What
/// one machine wrote down twice counts once; two machines at the same time count twice.
class Usage {
public:
  void add(const Use& use);
  void add(const Usage& other);

  /// Sorted by begin; of one resource. Those of one machine do not overlap.
  [[nodiscard]] std::vector<Use> of(const std::string& resource) const;
  /// All of it, whatever was held, as uses of `resource`.
  [[nodiscard]] Usage as(const std::string& resource) const;
  [[nodiscard]] Duration within(const std::string& resource, const Span& span) const;

  friend bool operator==(const Usage&, const Usage&) = default;

private:
  struct Key {
    std::string machine, resource;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  /// By begin; apart from each other.
  std::map<Key, std::map<WallTime, WallTime>> m_uses;
};

} // namespace gpujob::limits
