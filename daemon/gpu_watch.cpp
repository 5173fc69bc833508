// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu_watch.h"

#include "common/clock.h"
#include "common/log.h"
#include "daemon/gpu_document.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob {

namespace {

/// A picture that comes later than this after its moment is none of it.
constexpr Duration k_same_moment = std::chrono::seconds{30};
/// Of jobs that start at once each has its row, and all of them the same document.
constexpr std::size_t k_most_wanted = 32;

/// Not known, which is not idle.
policy::Gpus unknown_use(policy::Gpus gpus) {
  for (auto& gpu : gpus.list) {
    gpu.use_percent.reset();
  }
  return gpus;
}

} // namespace

GpuWatch::GpuWatch(boost::asio::io_context& io, Parts parts)
    : m_parts(std::move(parts)), m_moments(*m_parts.world),
      m_sampler(io, {m_parts.exe,
                     [this](const std::string& id) { return m_parts.world->jobs.contains(id); },
                     [this](const gpu::Look& look, const std::string& d) { take(look, d); },
                     [this](const std::string& why) { fail(why); }}) {
  m_sampler.start();
}

GpuWatch::~GpuWatch() {
  store_samples();
}

void GpuWatch::observe(std::span<const policy::Announcement> announcements,
                       const std::set<policy::JobId>& changed) {
  for (auto& moment : m_moments.observe(*m_parts.world, announcements, changed)) {
    // The newest ones are not worth more than the first.
    if (m_sampler.why().empty() && m_wanted.size() < k_most_wanted) {
      m_wanted.push_back(std::move(moment));
      m_wanted_since = m_wanted_since.value_or(read_clocks().boot);
      m_sampler.look_soon();
    }
  }
}

void GpuWatch::take(const gpu::Look& look, const std::string& document) {
  if (const auto& why = m_sampler.why(); why != m_logged) {
    log_line(why.empty() ? fmt::format("gpu: {} there", look.devices.size()) : "gpu: " + why);
    m_logged = why;
  }
  const auto gpus = gpu::to_policy(look);
  if (const auto before = std::exchange(m_looked, look.at.boot);
      before && look.at.boot - *before >= gpu::k_unobserved) {
    tell(unknown_use(gpus)); // what they did meanwhile, asleep perhaps, nobody has seen
  }
  tell(gpus);
  m_recorder.take(look);
  keep_snapshots(look, document);
  if (m_recorder.due(look.at)) {
    store_samples();
  }
}

void GpuWatch::fail(const std::string& why) {
  if (why != m_logged) {
    log_line("gpu: " + why);
    m_logged = why;
  }
  m_wanted.clear();
  m_wanted_since.reset();
  auto gpus = unknown_use(m_told);
  for (auto& gpu : gpus.list) {
    gpu.usable = false;
  }
  gpus.why = why;
  tell(gpus);
}

void GpuWatch::tell(const policy::Gpus& gpus) {
  // Looks are a second apart: so are the events.
  if (gpu::matters(m_told, gpus)) {
    m_told = gpus;
    m_parts.post(policy::GpusSeen{gpus});
  }
}

void GpuWatch::keep_snapshots(const gpu::Look& look, const std::string& document) {
  const auto wanted = std::exchange(m_wanted, {});
  const auto since = std::exchange(m_wanted_since, std::nullopt);
  if (wanted.empty() || look.devices.empty() || look.at.boot - *since > k_same_moment) {
    return;
  }
  const auto kept = shorten_gpu_document(document);
  for (const auto& moment : wanted) {
    store::GpuSnapshotRow row;
    row.at = look.at.wall;
    row.reason = moment.reason;
    row.job = moment.job;
    row.attempt = moment.attempt;
    row.document = kept;
    // One that was removed meanwhile has no row to belong to.
    if (m_parts.world->jobs.contains(moment.job)) {
      stored(m_parts.store->add(row));
    }
  }
}

void GpuWatch::store_samples() {
  const auto batch = m_recorder.drain();
  stored(m_parts.store->add(batch.samples, batch.minutes));
}

void GpuWatch::stored(const Result<void>& done) {
  if (!done && !std::exchange(m_store_failed, true)) {
    log_line("gpu: history is not kept: " + done.error().text);
  } else if (done && std::exchange(m_store_failed, false)) {
    log_line("gpu: history is kept again");
  }
}

std::string GpuWatch::name_of(const policy::JobId& id) const {
  const auto it = m_parts.world->jobs.find(id);
  return it == m_parts.world->jobs.end() ? id : it->second.spec.name;
}

} // namespace gpujob
