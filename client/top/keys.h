// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/top/layout.h"
#include "client/top/model.h"

#include <cstdint>
#include <optional>
#include <string>

namespace gpujob::client::top {

enum class Key : std::uint8_t {
  other, ///< known, and for nothing
  up,
  down,
  page_up,
  page_down,
  first,
  last,
  checkpoint,
  stop,
  logs,
  help,
  quit,
  escape,
  yes,
  no,
  redraw,
};

/// What the person wants done that is not for the screen alone.
struct Order {
  enum class What : std::uint8_t { checkpoint, stop, quit, redraw };
  What what;
  std::string job; ///< an id
};

/// Changes what is shown by one key; what it asks for besides is returned.
std::optional<Order> press(Key key, Model& m, Size size, const Glyphs& glyphs);

} // namespace gpujob::client::top
