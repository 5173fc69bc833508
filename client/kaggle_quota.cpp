// SPDX-License-Identifier: Apache-2.0
#include "client/kaggle_quota.h"

#include "common/clock.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

namespace gpujob::client {

namespace {

using Row = std::map<std::string, std::string>;

std::string lower(std::string_view text) {
  std::string out(trim(text));
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Cells of one line; a quoted one may hold commas.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

Error wrong(std::size_t line, const char* column, const std::string& why) {
  return Error{Errc::bad_data, fmt::format("kaggle quota: line {}: {}: {}", line, column, why)};
}

/// "GPU", "GPU T4 x2" and the like; "" for what is no accelerator.
std::string resource_of(const std::string& text) {
  const auto low = lower(text);
  return low.find("gpu") != std::string::npos   ? "gpu"
         : low.find("tpu") != std::string::npos ? "tpu"
                                                : "";
}

/// "HH:MM:SS" as a span that everybody reads; anything else as it is.
std::string span_text(const std::string& text) {
  auto low = lower(text);
  if (low.starts_with('-')) {
    return "0s"; // more was used than there was
  }
  // Python writes a day and more as "1 day, 5:30:00".
  std::string days;
  if (const auto comma = low.find(','); comma != std::string::npos && low.find(" day") < comma) {
    days = low.substr(0, low.find(' ')) + "d";
    low = std::string(trim(low.substr(comma + 1)));
  }
  const auto parts = split(low, ':');
  if (parts.size() != 3) {
    return std::string(trim(text));
  }
  return fmt::format("{}{}h{}m{}s", days, parts[0], parts[1],
                     parts[2].substr(0, parts[2].find('.')));
}

Result<nlohmann::json> entry_of(const Row& row, std::size_t line) {
  const auto cell = [&](const char* name) {
    const auto it = row.find(name);
    return it == row.end() ? std::string{} : it->second;
  };
  const auto remaining = span_text(cell("remaining"));
  if (remaining.empty()) {
    return wrong(line, "remaining", "is empty");
  }
  nlohmann::json entry{{"verb", "set"},
                       {"name", resource_of(cell("resource"))},
                       {"amount", remaining},
                       {"hours", true},
                       {"if_known", true}}; // a session without a TPU knows no TPU quota
  if (const auto total = span_text(cell("total")); !total.empty()) {
    entry["total"] = total;
  }
  if (auto refresh = std::string(trim(cell("refreshat"))); !refresh.empty()) {
    // Python prints an offset, or a blank, where RFC 3339 has T and Z.
    std::ranges::replace(refresh, ' ', 'T');
    if (refresh.ends_with("+00:00")) {
      refresh.resize(refresh.size() - 6);
    }
    refresh += refresh.ends_with('Z') ? "" : "Z";
    if (!parse_rfc3339(refresh)) {
      return wrong(line, "refreshAt", "is no instant in UTC");
    }
    entry["renews_at"] = refresh;
  }
  return entry;
}

} // namespace

Result<nlohmann::json> read_kaggle_quota(std::string_view csv) {
  constexpr std::string_view k_bom = "\xef\xbb\xbf";
  csv.remove_prefix(csv.starts_with(k_bom) ? k_bom.size() : 0);
  std::vector<std::string> header;
  auto entries = nlohmann::json::array();
  std::size_t number = 0;
  for (const auto& line : split(csv, '\n')) {
    ++number;
    if (trim(line).empty()) {
      continue;
    }
    const auto cells = cells_of(trim(line));
    if (header.empty()) {
      // The tool may say that it is outdated before it says anything else.
      const bool is_header =
          std::ranges::any_of(cells, [](const auto& cell) { return lower(cell) == "remaining"; });
      for (const auto& cell : is_header ? cells : std::vector<std::string>{}) {
        header.push_back(lower(cell));
      }
      continue;
    }
    if (cells.size() != header.size()) {
      return wrong(number, "row", fmt::format("has {} cells, not {}", cells.size(), header.size()));
    }
    Row row;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      row[header[i]] = cells[i];
    }
    if (resource_of(row["resource"]).empty()) {
      continue;
    }
    auto entry = entry_of(row, number);
    if (!entry) {
      return entry.error();
    }
    entries.push_back(std::move(*entry));
  }
  if (entries.empty()) {
    return Error{Errc::bad_data,
                 "kaggle quota: no row of a GPU or TPU was found below a line with the columns "
                 "'resource' and 'remaining': give what `kaggle quota -v` prints"};
  }
  return entries;
}

} // namespace gpujob::client
