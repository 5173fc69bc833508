// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/recorder.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gpujob::gpu {

namespace {

/// A minute at a time: each write touches the same few pages, however little is in it.
constexpr Duration k_every = std::chrono::seconds{60};
/// A sample stands for the time since the one before, and never for longer than the slow pace.
constexpr std::int64_t k_longest_s = 10;

} // namespace

void Average::add(const std::optional<std::int64_t>& value, double weight) {
  if (value) {
    m_sum += static_cast<double>(*value) * weight;
    m_weight += weight;
  }
}

std::optional<std::int64_t> Average::value() const {
  if (m_weight <= 0) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(std::llround(m_sum / m_weight));
}

void Recorder::take(const Look& look) {
  for (const auto& device : look.devices) {
    const auto sample = sample_of(device, look.at);
    const auto begin = sample.at - sample.at % k_gpu_minute_s;
    auto& minute = m_minutes[device.key];
    if (minute.begin != begin) {
      if (minute.begin != 0) {
        finish(device.key, minute);
      }
      minute = {begin, sample.at, {}, {}, {}, {}};
    }
    const auto weight = static_cast<double>(
        std::clamp<std::int64_t>(sample.at - minute.last, k_gpu_step_s, k_longest_s));
    minute.last = sample.at;
    minute.use.add(sample.use_percent, weight);
    minute.memory.add(sample.memory_used, weight);
    minute.temperature.add(sample.temperature_c, weight);
    minute.power.add(sample.power_mw, weight);
    m_waiting.samples.push_back({device.key, sample});
    m_since = m_since.value_or(look.at.boot);
  }
  // One that has gone has no minute to come.
  std::erase_if(m_minutes, [&](const auto& item) {
    const bool there = std::ranges::any_of(
        look.devices, [&](const Device& device) { return device.key == item.first; });
    if (!there) {
      finish(item.first, item.second);
    }
    return !there;
  });
}

void Recorder::finish(const std::string& gpu, const Minute& minute) {
  m_waiting.minutes.push_back({gpu,
                               {minute.begin, minute.use.value(), minute.memory.value(),
                                minute.temperature.value(), minute.power.value()}});
}

bool Recorder::due(const Now& now) const {
  return m_since && now.boot - *m_since >= k_every;
}

Recorder::Batch Recorder::drain() {
  m_since.reset();
  return std::exchange(m_waiting, {});
}

} // namespace gpujob::gpu
