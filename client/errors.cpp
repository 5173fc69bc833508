// SPDX-License-Identifier: Apache-2.0
#include "client/errors.h"

namespace gpujob::client {

int exit_code(Errc code) {
  switch (code) {
  case Errc::usage:
    return 2;
  case Errc::unreachable:
    return 3;
  case Errc::protocol:
    return 4;
  case Errc::refused:
  case Errc::not_found:
  case Errc::io:
  case Errc::bad_data:
    break;
  }
  return 1;
}

} // namespace gpujob::client
