// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/hearing.h"

namespace gpujob::shim {

namespace {

/// A loop that says its step every few milliseconds must not fill the disk: once in a second, the
/// newest wins.
constexpr Duration k_spacing = std::chrono::seconds{1};

} // namespace

void Hearing::hear(const Notice& notice, Now now) {
  if (notice.ready && !m_ready) {
    m_ready = true;
    m_journal->append(journal::Ready{}, now);
  }
  if (notice.checkpoint) {
    hear_checkpoint("notify", *notice.checkpoint, notice.step, now);
  }
  if (notice.status) {
    m_new_status = notice.status;
  }
  if (notice.progress) {
    m_new_progress = notice.progress;
  }
  tick(now);
  if (notice.stopping && !m_stopping) {
    m_stopping = true;
    m_journal->append(journal::Stopping{}, now);
  }
  if (notice.done || notice.progress == 1.0) {
    mark_done(now);
  }
}

void Hearing::hear_sentinel(const std::string& path, Now now) {
  hear_checkpoint("stdout", path, std::nullopt, now);
}

void Hearing::hear_checkpoint(const char* how, const std::string& path,
                              std::optional<std::int64_t> step, Now now) {
  const bool relative = !path.empty() && path.front() != '/';
  m_journal->append(journal::Checkpoint{how, relative ? m_cwd + "/" + path : path, step}, now);
}

void Hearing::mark_done(Now now) {
  if (!m_done) {
    m_done = true;
    m_journal->append(journal::DoneMark{}, now);
  }
}

void Hearing::tick(Now now) {
  if (now.boot >= m_free_at) {
    flush(now);
  }
}

void Hearing::flush(Now now) {
  if (m_new_status && *m_new_status != m_status) {
    m_status = *m_new_status;
    m_journal->append(journal::Status{m_status}, now);
    m_free_at = now.boot + k_spacing;
  }
  if (m_new_progress && m_new_progress != m_progress) {
    m_progress = m_new_progress;
    m_journal->append(journal::Progress{*m_progress}, now);
    m_free_at = now.boot + k_spacing;
  }
  m_new_status.reset();
  m_new_progress.reset();
}

std::optional<BootTime> Hearing::next() const {
  return m_new_status || m_new_progress ? std::optional(m_free_at) : std::nullopt;
}

} // namespace gpujob::shim
