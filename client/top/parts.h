// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/top/frame.h"
#include "client/top/model.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// The parts of the main page, each in lines of a given width.
namespace gpujob::client::top {

struct Canvas {
  std::size_t width;
  const Glyphs& glyphs;

  [[nodiscard]] LineBuilder line() const { return {width, glyphs}; }
};

using Lines = std::vector<Line>;

/// "15:55", with seconds when it is near and the day when it is far.
std::string clock_text(WallTime at, WallTime now);

/// What it is, where, what time; that there is no daemon.
Line title_line(const Model& m, const Canvas& c);
/// The session's end first, then every other limit; the one that ends the session first is marked.
Lines limit_lines(const Model& m, const Canvas& c);
/// The session from its begin to its end with what is planned in it, and what the marks mean.
Lines time_lines(const Model& m, const Canvas& c);

/// At most `rows` lines; a GPU gets as many as there are for each.
Lines gpu_lines(const Model& m, const Canvas& c, std::size_t rows);
/// How many GPUs there are to draw; 0: one line says why.
std::size_t gpu_count(const Model& m);

/// The table, its heading first: the part of it in which the selected job is.
Lines job_lines(const Model& m, const Canvas& c, std::size_t rows);
/// What does not fit the table of the selected job; may be empty.
Lines detail_lines(const Model& m, const Canvas& c);

} // namespace gpujob::client::top
