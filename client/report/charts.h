// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/report/model.h"

#include <string>

/// The pictures of a report, each an SVG of its page: as wide as there is room, while letters and
/// marks keep their size, since positions are shares of the width. What a colour says a pattern, a
/// shape or a word says too. Their style is the page's (html.cpp).
namespace gpujob::client {

/// The patterns that the pictures refer to; once in a page, before them.
std::string chart_patterns();

/// Sessions, runs, saves, warnings, notices and the end; a lane for each job.
std::string draw_time_line(const Report& report);
/// So many lanes are drawn; the table has all.
constexpr std::size_t k_most_lanes = 24;

/// Use and memory of one GPU over the window.
std::string draw_gpu(const Report& report, const GpuRow& gpu);

/// Kept, lost and not yet saved, as parts of one bar.
std::string draw_goodput(const Goodput& goodput);

/// A bar for each day; `number` tells the pictures of a page apart.
std::string draw_days(const ResourceUse& use, std::size_t number);

} // namespace gpujob::client
