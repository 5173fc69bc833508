// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_quota(Backend& backend, Request request) {
  request.reply(backend.session_view());
}

} // namespace gpujob::ipc
