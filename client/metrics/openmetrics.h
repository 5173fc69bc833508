// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gpujob::client {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// Text of OpenMetrics 1.0, which Prometheus's own text format takes as well: families one after
/// the other, each with its samples. A family of which nothing is known is left out.
class OpenMetrics {
public:
  /// The next family. `unit` is what its name ends in, or empty.
  void gauge(std::string_view name, std::string_view unit, std::string_view help);
  /// `name` without "_total".
  void counter(std::string_view name, std::string_view help);

  /// A sample of the newest family; nullopt, and what is no finite number: not known, none.
  void sample(const Labels& labels, std::optional<double> value);

  /// All of it, with its end mark.
  [[nodiscard]] std::string text() const { return m_text + "# EOF\n"; }

private:
  void begin(std::string_view name, std::string_view type, std::string_view unit,
             std::string_view help);

  std::string m_text;
  std::string m_head; ///< of the newest family, while it has no sample
  std::string m_name; ///< of its samples
};

} // namespace gpujob::client
