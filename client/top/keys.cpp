// SPDX-License-Identifier: Apache-2.0
#include "client/top/keys.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace gpujob::client::top {

namespace {

using What = Order::What;

/// y stops it, any other key does not.
std::optional<Order> answer_stop(Key key, Model& m) {
  m.choice.asks_stop = false;
  if (key == Key::yes) {
    return Order{What::stop, m.choice.job};
  }
  m.message = "not stopped";
  return std::nullopt;
}

/// As `gpujob checkpoint` and `stop` would say it, without asking the daemon.
bool can_be_told(Model& m, const char* what) {
  const auto* job = m.selected();
  if (job == nullptr) {
    m.message = "no job is selected";
  } else if (job->ended()) {
    m.message =
        fmt::format("{} is {} already: nothing to {}", job->view.name, job->view.state, what);
  } else {
    return true;
  }
  return false;
}

void scroll(Key key, Model& m, Size size, const Glyphs& glyphs) {
  const auto most = most_rows_up(m, size, glyphs);
  const auto page = std::max<std::size_t>(size.rows, 4) - 3;
  auto& up = m.choice.rows_up;
  up = std::min(up, most);
  const auto down_by = [&](std::size_t rows) { up -= std::min(up, rows); };
  if (key == Key::up || key == Key::page_up) {
    up = std::min(up + (key == Key::up ? 1 : page), most);
  } else if (key == Key::down || key == Key::page_down) {
    down_by(key == Key::down ? 1 : page);
  } else if (key == Key::first) {
    up = most;
  } else if (key == Key::last) {
    up = 0;
  }
}

std::optional<Order> press_on_main(Key key, Model& m) {
  constexpr std::ptrdiff_t k_page = 10, k_all = 1'000'000;
  switch (key) {
  case Key::up:
    m.select(-1);
    break;
  case Key::down:
    m.select(1);
    break;
  case Key::page_up:
    m.select(-k_page);
    break;
  case Key::page_down:
    m.select(k_page);
    break;
  case Key::first:
    m.select(-k_all);
    break;
  case Key::last:
    m.select(k_all);
    break;
  case Key::checkpoint:
    return can_be_told(m, "save") ? std::optional(Order{What::checkpoint, m.choice.job})
                                  : std::nullopt;
  case Key::stop:
    m.choice.asks_stop = can_be_told(m, "stop");
    break;
  case Key::logs:
    if (m.selected() != nullptr) {
      m.choice.page = Page::logs;
      m.choice.rows_up = 0;
    }
    break;
  case Key::help:
    m.choice.page = Page::help;
    break;
  case Key::quit:
    return Order{What::quit, {}};
  case Key::redraw:
  case Key::other:
  case Key::escape:
  case Key::yes:
  case Key::no:
    break;
  }
  return std::nullopt;
}

} // namespace

std::optional<Order> press(Key key, Model& m, Size size, const Glyphs& glyphs) {
  if (key == Key::redraw) {
    return Order{What::redraw, {}};
  }
  m.message.clear();
  if (m.choice.asks_stop) {
    return answer_stop(key, m);
  }
  if (m.choice.page == Page::main) {
    return press_on_main(key, m);
  }
  const bool leaves = key == Key::quit || key == Key::escape || key == Key::logs;
  if (m.choice.page == Page::help || leaves) {
    m.choice.page = Page::main;
  } else {
    scroll(key, m, size, glyphs);
  }
  return std::nullopt;
}

} // namespace gpujob::client::top
