// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/progress.h"

#include "common/file.h"
#include "common/json.h"

#include <nlohmann/json.hpp>
#include <unistd.h>
#include <utility>

namespace gpujob::durable {

Progress::Progress(std::string path, std::int64_t seq, Clock::duration every)
    : m_path(std::move(path)), m_seq(seq), m_every(every) {
  ::unlink(m_path.c_str());
}

Progress::~Progress() {
  ::unlink(m_path.c_str());
}

void Progress::begin(std::uint64_t total, std::uint64_t done) {
  const std::lock_guard lock(m_mutex);
  m_total = total;
  m_done = done;
  if (done == 0) {
    m_began = Clock::now();
  }
  write_if_due();
}

void Progress::add(std::uint64_t bytes) {
  const std::lock_guard lock(m_mutex);
  m_done += bytes;
  write_if_due();
}

/// The last word of a copy does not wait: reading back what was written may take long.
void Progress::write_if_due() {
  const auto now = Clock::now();
  if (now - m_written < m_every && !(m_is_there && m_done >= m_total)) {
    return;
  }
  m_written = now;
  const nlohmann::json said{{"seq", m_seq},
                            {"done_bytes", m_done},
                            {"total_bytes", m_total},
                            {"seconds", std::chrono::duration<double>(now - m_began).count()}};
  m_is_there = atomic_publish(m_path, json::dump(said)).has_value();
}

} // namespace gpujob::durable
