// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/options.h"
#include "common/result.h"

/// One function per verb, in the file of that name. Each returns the exit code of gpujob.
namespace gpujob::client {

/// What a wait returns that Ctrl-C or SIGTERM ended.
constexpr int k_interrupted_exit = 130;

Result<int> execute(const RunOptions& options);
Result<int> execute(const PsOptions& options);
Result<int> execute(const ShowOptions& options);
Result<int> execute(const CheckpointsOptions& options);
Result<int> execute(const LogsOptions& options);
Result<int> execute(const AttachOptions& options);
Result<int> execute(const CheckpointOptions& options);
Result<int> execute(const StopOptions& options);
Result<int> execute(const WaitOptions& options);
Result<int> execute(const RmOptions& options);
Result<int> execute(const QuotaOptions& options);
Result<int> execute(const QuotaSayOptions& options);
Result<int> execute(const QuotaImportOptions& options);
Result<int> execute(const LimitsOptions& options);
Result<int> execute(const LimitsSetOptions& options);
Result<int> execute(const NoticeOptions& options);
Result<int> execute(const DoctorOptions& options);
Result<int> execute(const GpuOptions& options);
Result<int> execute(const MetricsOptions& options);
Result<int> execute(const GpuHistoryOptions& options);
Result<int> execute(const GpuSnapshotsOptions& options);
Result<int> execute(const TopOptions& options);
Result<int> execute(const ReportOptions& options);
Result<int> execute(const PlatformsOptions& options);
Result<int> execute(const BenchOptions& options);
Result<int> execute(const SimulateOptions& options);
Result<int> execute(const DaemonStartOptions& options);
Result<int> execute(const DaemonStopOptions& options);
Result<int> execute(const DaemonStatusOptions& options);
Result<int> execute(const VersionOptions& options);

} // namespace gpujob::client
