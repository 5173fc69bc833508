// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

/// What gpujob-http is asked on stdin and answers on stdout (ARCHITECTURE.md, "Asking over HTTP").
namespace gpujob::net {

/// Carries out the steps of one request; each gives the next one a header, if it says so. Never
/// throws: a request that is no such thing is answered with an error, too.
std::string answer(std::string_view request);

} // namespace gpujob::net
