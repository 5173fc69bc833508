// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/simulate/figures.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::simulate {

/// One cell for people: a line for each contestant, then the figures. 80 columns.
std::string render_cell(const Cell& cell);
/// Many cells: a line for each, then what was held and what was not. 80 columns.
std::string render_matrix(const std::vector<Cell>& cells);
nlohmann::json to_json(const std::vector<Cell>& cells);
/// A picture that stands alone: goodput over what a save costs, one panel for each end and rate of
/// deaths, one line for each contestant.
std::string render_svg(const std::vector<Cell>& cells);

/// All that a strict run demands.
bool all_hold(const std::vector<Cell>& cells);

/// "12h", "10m", "30s", "none".
std::string short_time(std::optional<double> seconds);

} // namespace gpujob::simulate
