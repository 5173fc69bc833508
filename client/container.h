// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gpujob::client {

/// TERM to the first process of a container is how its platform says that it ends. If `signal` is
/// that, and we are that process, the daemon is told, and true returned: whoever waits goes on
/// waiting, since we are all that keeps the container alive while the job saves. Once: a second one
/// ends us as everywhere else.
bool is_containers_end(int signal);

} // namespace gpujob::client
