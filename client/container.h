// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gpujob::client {

/// Called first of all: a PID 1 that does not wait for TERM yet would lose it (pid_namespaces(7):
/// what it has no handler for is thrown away). A blocked one stays pending until somebody takes it.
/// exec keeps that: who becomes another program leaves it to that one to unblock.
void keep_containers_end();

/// TERM to the first process of a container is how its platform says that it ends. If `signal` is
/// that, and we are that process, the daemon is told, and true returned: whoever waits goes on
/// waiting, since we are all that keeps the container alive while the job saves. Once: a second one
/// ends us as everywhere else.
bool is_containers_end(int signal);

} // namespace gpujob::client
