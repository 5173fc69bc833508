// SPDX-License-Identifier: Apache-2.0
#include "client/metrics/openmetrics.h"

#include "common/text.h"

#include <cmath>
#include <fmt/format.h>

namespace gpujob::client {

namespace {

/// Of names of jobs, too: what would drive a terminal is made visible first.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '\\' || c == '"') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

} // namespace

void OpenMetrics::begin(std::string_view name, std::string_view type, std::string_view unit,
                        std::string_view help) {
  m_head = fmt::format("# TYPE {} {}\n", name, type);
  if (!unit.empty()) {
    m_head += fmt::format("# UNIT {} {}\n", name, unit);
  }
  m_head += fmt::format("# HELP {} {}\n", name, help);
}

void OpenMetrics::gauge(std::string_view name, std::string_view unit, std::string_view help) {
  begin(name, "gauge", unit, help);
  m_name = name;
}

void OpenMetrics::counter(std::string_view name, std::string_view help) {
  begin(name, "counter", "", help);
  m_name = fmt::format("{}_total", name);
}

void OpenMetrics::sample(const Labels& labels, std::optional<double> value) {
  if (!value || !std::isfinite(*value)) {
    return;
  }
  m_text += std::exchange(m_head, {});
  m_text += m_name;
  const char* separator = "{";
  for (const auto& [name, text] : labels) {
    m_text += fmt::format("{}{}=\"{}\"", separator, name, escaped(text));
    separator = ",";
  }
  m_text += fmt::format("{} {}\n", labels.empty() ? "" : "}", *value);
}

} // namespace gpujob::client
