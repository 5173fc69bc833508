// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/top/frame.h"
#include "client/top/keys.h"
#include "client/top/layout.h"
#include "common/result.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::client::top {

/// Whether this environment's terminal takes UTF-8 (LC_ALL, LC_CTYPE, LANG).
bool speaks_utf8(const std::vector<std::string>& environment);

/// The terminal while it shows our screen; when it dies, the terminal is as it was before. At most
/// one at a time.
class Screen {
public:
  /// Errc::refused, and what to do, where there is no terminal that can be drawn on.
  static Result<void> check(const std::vector<std::string>& environment);
  /// The same, else it is drawn on from now on.
  static Result<std::unique_ptr<Screen>> open(const std::vector<std::string>& environment);
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen();

  /// UTF-8 only where the C library can be made to speak it, too.
  [[nodiscard]] const Glyphs& glyphs() const { return m_glyphs; }
  [[nodiscard]] Size size() const;
  /// Sends what differs from what is there.
  void draw(const Frame& frame);
  /// A key that was pressed; never waits.
  std::optional<Key> key();
  /// The window has another size now.
  void resized();
  /// Everything anew: something else wrote on the terminal.
  void redraw();
  /// The terminal as it was before, and ours again.
  void leave();
  void come_back();

private:
  Screen(const Glyphs& glyphs, bool colours);

  Glyphs m_glyphs;
  bool m_colours;
  bool m_left = false;
};

} // namespace gpujob::client::top
