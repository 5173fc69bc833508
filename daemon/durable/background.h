// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gpujob::durable {

/// From here on this process gives way to the jobs: nice, and the lowest best-effort class of I/O.
/// Not the idle class: beside a job that never stops reading, a copy in it would never end, and the
/// session does. Refused, nothing changes.
void give_way();

} // namespace gpujob::durable
