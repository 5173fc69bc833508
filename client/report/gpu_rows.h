// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/report/model.h"

namespace gpujob::client {

/// What the GPUs did in the report's window. Pure.
void add_gpus(const Gathered& gathered, Report& report);

} // namespace gpujob::client
