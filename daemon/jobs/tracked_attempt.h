// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/launch.h"
#include "daemon/jobs/attempts.h"
#include "daemon/jobs/checkpoint_watch.h"
#include "daemon/jobs/output_watch.h"
#include "daemon/jobs/shim_link.h"
#include "daemon/policy/world.h"
#include "daemon/process/pid_watch.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>

/// For attempts.cpp and attempts_adopt.cpp only.
namespace gpujob::jobs {

/// One attempt that is followed. Handlers of its link point to it, so it never moves.
struct Attempts::Tracked {
  policy::JobId id;
  int attempt = 0;
  std::string dir;
  std::int64_t last_seq = 0;
  CheckpointWatch watch;
  OutputWatch output;
  std::unique_ptr<process::PidWatch> shim;
  std::unique_ptr<ShimLink> link;
  boost::asio::steady_timer find;
  int failed_reads = 0;
  bool same_vm = true; ///< it ran under this boot of this machine

  Tracked(boost::asio::io_context& io, const policy::Job& job, const Places& places)
      : id(job.id), attempt(job.attempt), dir(places.state.attempt_dir(job.id, job.attempt)),
        last_seq(job.journal_seq),
        watch(places.state.checkpoint_dir(job.id), job.spec.checkpoint_path),
        output(dir + "/" + attempt_file::k_output), find(io) {}
};

} // namespace gpujob::jobs
