// SPDX-License-Identifier: Apache-2.0
#include "client/top/screen.h"

#include "common/environment.h"
#include "common/text.h"

#include <algorithm>
#include <cctype>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

// Its macros are functions, too; as such they hide nothing of ours.
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <term.h>

namespace gpujob::client::top {

namespace {

enum Pair : short { k_good = 1, k_warning, k_bad, k_accent };

Error no_terminal(const std::string& which, const std::string& why) {
  return Error{Errc::refused,
               fmt::format("top: {}: {}, or print one picture: gpujob top --once", which, why)};
}

/// Asks for the terminal's description, which every later call takes for granted.
Result<void> find_terminal(const std::string& name) {
  if (name.empty()) {
    return no_terminal("terminal", "TERM does not name it: set TERM=xterm-256color");
  }
  const auto which = "terminal " + printable(name);
  int found = 0;
  if (::setupterm(name.c_str(), STDOUT_FILENO, &found) != OK) {
    return found < 0 ? no_terminal(which, "this machine has no terminfo: install ncurses-base")
                     : no_terminal(which, "not known to this machine, or of no use: set "
                                          "TERM=xterm-256color");
  }
  char up[] = "cup", clear[] = "clear";
  const auto can = [](char* what) {
    const char* text = ::tigetstr(what);
    return text != nullptr && text != reinterpret_cast<char*>(-1); // NOLINT: so it is documented
  };
  if (!can(up) || !can(clear)) {
    return no_terminal(which, "cannot move its cursor: set TERM=xterm-256color where that is true");
  }
  return {};
}

/// Only how characters are read and written: numbers and dates stay as they are.
bool make_utf8() {
  for (const char* locale : {"C.UTF-8", "C.utf8", "", "en_US.UTF-8"}) {
    if (std::setlocale(LC_CTYPE, locale) != nullptr && MB_CUR_MAX > 1) {
      return true;
    }
  }
  std::setlocale(LC_CTYPE, "C");
  return false;
}

/// NO_COLOR with any value: https://no-color.org.
bool colours_wanted(const std::vector<std::string>& environment) {
  return value_of(environment, "NO_COLOR").empty();
}

chtype attributes(Style style, bool colours) {
  const auto colour = [&](Pair pair) {
    return colours ? static_cast<chtype>(COLOR_PAIR(pair)) : chtype{A_NORMAL};
  };
  switch (style) {
  case Style::plain:
    return A_NORMAL;
  case Style::dim:
    return A_DIM;
  case Style::strong:
    return A_BOLD;
  case Style::selected:
    return A_REVERSE;
  case Style::good:
    return colour(k_good);
  case Style::warning:
    return colour(k_warning) | A_BOLD;
  case Style::bad:
    return colour(k_bad) | A_BOLD;
  case Style::accent:
    return colour(k_accent);
  }
  return A_NORMAL;
}

Key key_of(int code) {
  switch (code) {
  case KEY_UP:
  case 'k':
    return Key::up;
  case KEY_DOWN:
  case 'j':
    return Key::down;
  case KEY_PPAGE:
  case 'b':
    return Key::page_up;
  case KEY_NPAGE:
  case ' ':
    return Key::page_down;
  case KEY_HOME:
  case 'g':
    return Key::first;
  case KEY_END:
  case 'G':
    return Key::last;
  case 'c':
    return Key::checkpoint;
  case 's':
    return Key::stop;
  case 'l':
  case '\n':
  case '\r':
    return Key::logs;
  case '?':
  case 'h':
    return Key::help;
  case 'q':
    return Key::quit;
  case 27:
    return Key::escape;
  case 'y':
  case 'Y':
    return Key::yes;
  case 'n':
  case 'N':
    return Key::no;
  case 'L' - '@': // Ctrl-L
    return Key::redraw;
  default:
    return Key::other;
  }
}

} // namespace

bool speaks_utf8(const std::vector<std::string>& environment) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(value_of(environment, name));
    if (!value.empty()) {
      std::ranges::transform(value, value.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
    }
  }
  return false;
}

Result<void> Screen::check(const std::vector<std::string>& environment) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    return Error{Errc::refused,
                 fmt::format("top: {}: is no terminal: use gpujob ps, or print one picture: gpujob "
                             "top --once",
                             ::isatty(STDIN_FILENO) == 0 ? "standard input" : "standard output")};
  }
  return find_terminal(std::string(value_of(environment, "TERM")));
}

Result<std::unique_ptr<Screen>> Screen::open(const std::vector<std::string>& environment) {
  GPUJOB_TRY(check(environment));
  const Glyphs glyphs{speaks_utf8(environment) && make_utf8()};
  // Not initscr(): it ends the program where it fails.
  if (::newterm(nullptr, stdout, stdin) == nullptr) {
    return no_terminal("terminal " + printable(value_of(environment, "TERM")),
                       "cannot be used: set TERM=xterm-256color");
  }
  return std::unique_ptr<Screen>(new Screen(glyphs, colours_wanted(environment)));
}

Screen::Screen(const Glyphs& glyphs, bool colours) : m_glyphs(glyphs), m_colours(colours) {
  ::cbreak();
  ::noecho();
  ::nonl();
  ::intrflush(stdscr, FALSE);
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  // Long enough for the rest of an arrow key on a slow line.
  ::set_escdelay(200);
  ::curs_set(0);
  m_colours = m_colours && ::has_colors();
  if (m_colours) {
    ::start_color();
    ::use_default_colors();
    ::init_pair(k_good, COLOR_GREEN, -1);
    ::init_pair(k_warning, COLOR_YELLOW, -1);
    ::init_pair(k_bad, COLOR_RED, -1);
    ::init_pair(k_accent, COLOR_CYAN, -1);
  }
}

Screen::~Screen() {
  if (!m_left) {
    ::endwin();
  }
}

Size Screen::size() const {
  return {static_cast<std::size_t>(std::max(::getmaxy(stdscr), 0)),
          static_cast<std::size_t>(std::max(::getmaxx(stdscr), 0))};
}

void Screen::draw(const Frame& frame) {
  ::erase();
  int row = 0;
  for (const auto& line : frame) {
    ::move(row++, 0);
    for (const auto& span : line) {
      ::attrset(static_cast<int>(attributes(span.style, m_colours)));
      ::addnstr(span.text.c_str(), static_cast<int>(span.text.size()));
    }
    ::attrset(A_NORMAL);
  }
  ::refresh();
}

std::optional<Key> Screen::key() {
  const int code = ::getch();
  return code == ERR ? std::nullopt : std::optional(key_of(code));
}

void Screen::resized() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
    ::resizeterm(size.ws_row, size.ws_col);
  }
}

void Screen::redraw() {
  ::clearok(curscr, TRUE);
}

void Screen::leave() {
  ::endwin();
  m_left = true;
}

void Screen::come_back() {
  m_left = false;
  ::reset_prog_mode();
  resized();
  redraw();
}

} // namespace gpujob::client::top
