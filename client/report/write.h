// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/report/model.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

/// The ways to write a report.
namespace gpujob::client {

/// One page that stands alone: no script, nothing from a network.
std::string report_html(const Report& report);
std::string report_markdown(const Report& report);
nlohmann::json report_json(const Report& report);

/// What all of them say in the same words; plain texts, not escaped.
std::string report_title(const Report& report);
std::string report_period(const Report& report);
/// "label, value": the session in a few lines.
std::vector<std::pair<std::string, std::string>> report_facts(const Report& report);
/// What a reader must know so as not to take it for more than it is.
std::vector<std::string> report_notes(const Report& report);
/// Where the use of a limit stands, in a line.
std::string limit_line(const LimitView& limit);
/// Kept, lost, or what else is known.
std::string lost_text(const JobRow& row);

/// Events in a page: the newest; a session may have thousands.
constexpr std::size_t k_most_events = 400;

} // namespace gpujob::client
