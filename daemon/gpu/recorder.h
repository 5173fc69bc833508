// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/sample.h"
#include "daemon/gpu/look.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// Samples on their way to the database: kept together, and made averages of whole minutes. Pure.
namespace gpujob::gpu {

/// The average of samples that are not equally far apart; each counts for the time it stands for.
class Average {
public:
  void add(const std::optional<std::int64_t>& value, double weight);
  [[nodiscard]] std::optional<std::int64_t> value() const;

private:
  double m_sum = 0, m_weight = 0;
};

class Recorder {
public:
  struct Batch {
    std::vector<GpuSampleOf> samples, minutes;
  };

  void take(const Look& look);
  /// What waits has waited long enough.
  [[nodiscard]] bool due(const Now& now) const;
  /// Everything that waits; it is not kept, so that what cannot be stored is not piled up.
  Batch drain();
  /// Samples that wait, for who asks before they are stored.
  [[nodiscard]] const std::vector<GpuSampleOf>& waiting() const { return m_waiting.samples; }

private:
  struct Minute {
    std::int64_t begin = 0, last = 0;
    Average use, memory, temperature, power;
  };
  void finish(const std::string& gpu, const Minute& minute);

  std::map<std::string, Minute> m_minutes; ///< by GPU: the one that goes on
  Batch m_waiting;
  std::optional<BootTime> m_since; ///< when the oldest of what waits was taken
};

} // namespace gpujob::gpu
