// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <string>

/// The secret that a scraper of `gpujob metrics --listen` must know. It is on no command line.
namespace gpujob::client {

/// The file that holds it, made in the runtime directory where there is none yet.
Result<std::string> make_token(const std::string& runtime_dir);

/// The user's own file: it must hold something, and nobody else may read it. Returns the path.
Result<std::string> check_token(const std::string& path);

} // namespace gpujob::client
