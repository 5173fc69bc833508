// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/ipc/backend.h"
#include "daemon/ipc/session.h"

namespace gpujob::ipc {

/// Hands the request to its verb's handler, or answers that there is none.
void dispatch(Backend& backend, Request request);

/// One per verb: handlers/<verb>.cpp.
void handle_hello(Backend& backend, Request request);
void handle_run(Backend& backend, Request request);
void handle_ps(Backend& backend, Request request);
void handle_show(Backend& backend, Request request);
void handle_logs(Backend& backend, Request request);
void handle_watch(Backend& backend, Request request);
void handle_checkpoint(Backend& backend, Request request);
void handle_stop(Backend& backend, Request request);
void handle_rm(Backend& backend, Request request);
void handle_limits_set(Backend& backend, Request request);
void handle_notice(Backend& backend, Request request);
void handle_quota(Backend& backend, Request request);
void handle_quota_say(Backend& backend, Request request);
void handle_gpu(Backend& backend, Request request);
void handle_gpu_snapshots(Backend& backend, Request request);
void handle_events(Backend& backend, Request request);
void handle_attempts(Backend& backend, Request request);
void handle_usage(Backend& backend, Request request);
void handle_daemon_status(Backend& backend, Request request);
void handle_daemon_stop(Backend& backend, Request request);

} // namespace gpujob::ipc
