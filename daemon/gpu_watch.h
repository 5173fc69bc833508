// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/recorder.h"
#include "daemon/gpu/sampler.h"
#include "daemon/ipc/gpu_query.h"
#include "daemon/job_moments.h"
#include "daemon/policy/event.h"
#include "daemon/policy/world.h"
#include "daemon/store/gpu_store.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace gpujob {

/// What the GPUs do: tells the core what matters to it, keeps the history, and keeps all that the
/// probe says when something happens to a job. Nothing here may disturb the loop: what cannot be
/// seen is not known, what cannot be stored is dropped, and either is told once.
class GpuWatch {
public:
  struct Parts {
    std::string exe; ///< gpujob-gpuprobe
    store::GpuStore* store = nullptr;
    const policy::World* world = nullptr;
    std::function<void(policy::Event)> post;
  };

  GpuWatch(boost::asio::io_context& io, Parts parts);
  ~GpuWatch();
  GpuWatch(const GpuWatch&) = delete;
  GpuWatch& operator=(const GpuWatch&) = delete;

  /// After a commit: what was announced, and which jobs have changed.
  void observe(std::span<const policy::Announcement> announcements,
               const std::set<policy::JobId>& changed);

  /// The answers to `gpu` and `gpu.snapshots`.
  [[nodiscard]] Result<nlohmann::json> view(const ipc::GpuQuery& query, const Now& now) const;
  [[nodiscard]] Result<nlohmann::json> snapshots(const ipc::GpuSnapshotsQuery& query) const;

private:
  void take(const gpu::Look& look, const std::string& document);
  void fail(const std::string& why);
  void tell(const policy::Gpus& gpus);
  void keep_snapshots(const gpu::Look& look, const std::string& document);
  void store_samples();
  void stored(const Result<void>& done);
  [[nodiscard]] std::string name_of(const policy::JobId& id) const;
  [[nodiscard]] Result<std::vector<GpuSample>> points(const std::string& gpu, int step_s,
                                                      std::int64_t after, std::size_t most) const;

  Parts m_parts;
  JobMoments m_moments;
  std::vector<JobMoments::Moment> m_wanted; ///< a snapshot each, of the next look
  std::optional<BootTime> m_wanted_since;
  gpu::Recorder m_recorder;
  std::optional<BootTime> m_looked;
  policy::Gpus m_told;
  std::string m_logged = "not looked at yet"; ///< why nothing is seen, as the log says it
  bool m_store_failed = false;
  gpu::Sampler m_sampler;
};

} // namespace gpujob
