// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gpujob::client {

/// Called first of all: to a PID 1 that does not wait for it yet, TERM would be lost (signal(7): of
/// a PID namespace's first process nothing is sent that it has no handler for). It stays pending
/// until somebody takes it.
void keep_containers_end();

/// TERM to the first process of a container is how its platform says that it ends. If `signal` is
/// that, and we are that process, the daemon is told, and true returned: whoever waits goes on
/// waiting, since we are all that keeps the container alive while the job saves. Once: a second one
/// ends us as everywhere else.
bool is_containers_end(int signal);

} // namespace gpujob::client
