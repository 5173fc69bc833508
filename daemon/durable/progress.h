// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace gpujob::durable {

/// Tells whoever reads a small file on this machine how far the copy of a checkpoint is. Nothing
/// fails because of it: what cannot be written is not told. Any thread may tell it.
class Progress {
public:
  using Clock = std::chrono::steady_clock;

  /// Removes what a helper that was killed left. A copy that takes less than `every` is over before
  /// anybody could read of it: nothing is written.
  Progress(std::string path, std::int64_t seq,
           Clock::duration every = std::chrono::milliseconds{500});
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Removes the file.
  ~Progress();

  /// Of so many bytes, `done` are there already. A copy that begins anew says so again.
  void begin(std::uint64_t total, std::uint64_t done = 0);
  void add(std::uint64_t bytes);

private:
  void write_if_due();

  const std::string m_path;
  const std::int64_t m_seq;
  const Clock::duration m_every;
  std::mutex m_mutex; ///< guards what follows
  std::uint64_t m_total = 0, m_done = 0;
  Clock::time_point m_began = Clock::now(), m_written = Clock::now();
  bool m_is_there = false;
};

} // namespace gpujob::durable
