// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/top/frame.h"
#include "client/top/model.h"

#include <cstddef>

namespace gpujob::client::top {

struct Size {
  std::size_t rows = 24, columns = 80;

  friend bool operator==(const Size&, const Size&) = default;
};

/// Below this there is only a line that says so.
constexpr Size k_smallest{10, 40};

/// The whole screen: never more rows or columns than there are. `keys`: its last line tells what
/// can be pressed (a picture on paper has none).
Frame draw(const Model& m, Size size, const Glyphs& glyphs, bool keys = true);

/// How far the log page can be scrolled up at this size.
std::size_t most_rows_up(const Model& m, Size size, const Glyphs& glyphs);

} // namespace gpujob::client::top
