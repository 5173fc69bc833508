// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/report.h"

namespace gpujob::simulate {
std::string render_svg(const std::vector<Cell>&) {
  return {};
}
} // namespace gpujob::simulate
