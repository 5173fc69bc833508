// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/progress_reader.h"

#include "common/text.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace gpujob::jobs {

namespace {

/// A bar whose total grows falls back a little; one that begins anew, by more.
constexpr double k_falls_by = 0.05;
constexpr std::size_t k_most_labels = 64;

} // namespace

/// Of an epoch's bar, what it says of the run.
std::optional<ProgressBar> ProgressReader::whole(ProgressBar bar) const {
  auto epoch = read_epoch(bar.label);
  if (!epoch && bar.label.empty() && m_epoch.number > 0) {
    epoch = m_epoch;
  }
  if (!epoch) {
    return bar;
  }
  if (epoch->total == 0) {
    return std::nullopt;
  }
  const double total = epoch->total;
  const int after = epoch->total - epoch->number;
  std::optional<std::chrono::duration<double>> left;
  if (bar.left && bar.done < 1 && bar.done > 0) {
    // Keras does not say how long this epoch has run: as fast as what is left of it.
    left = *bar.left * (1 + after / (1 - bar.done));
  } else if (bar.elapsed && bar.done >= 1) {
    left = *bar.elapsed * static_cast<double>(after);
  } else if (after == 0) {
    left = bar.left;
  }
  bar.left = left && *left < k_longest_span
                 ? std::optional(std::chrono::duration_cast<Duration>(*left))
                 : std::nullopt;
  bar.done = (epoch->number - 1 + bar.done) / total;
  bar.elapsed.reset();
  return bar;
}

bool ProgressReader::begins_anew(const ProgressBar& bar) {
  auto same = bar.label; // "loss 0.31" is "loss 0.29" later
  std::erase_if(same, [](char c) {
    return std::string_view("0123456789.-").find(c) != std::string_view::npos;
  });
  if (m_known.size() >= k_most_labels && !m_known.contains(same)) {
    return true;
  }
  auto& known = m_known[same];
  known.again = known.again || bar.done < known.done - k_falls_by;
  known.done = bar.done;
  return known.again;
}

std::optional<ProgressBar> ProgressReader::read(std::string_view piece) {
  const auto text = m_rest + std::string(piece);
  std::map<std::string, ProgressBar> newest; // by label
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find_first_of("\r\n", begin), text.size());
    const auto line = std::string_view(text).substr(begin, end - begin);
    if (auto bar = read_progress_bar(line)) {
      if (auto run = whole(std::move(*bar)); run && !begins_anew(*run)) {
        newest.insert_or_assign(run->label, std::move(*run));
      }
    } else if (const auto epoch = read_epoch(line.substr(0, 64)); epoch && trim(line) == line) {
      m_epoch = line.starts_with("Epoch ") ? *epoch : m_epoch;
    }
    if (end == text.size()) {
      break;
    }
    begin = end + 1;
  }
  m_rest = text.substr(begin);
  if (m_rest.size() > k_longest_line) {
    m_rest.clear();
  }
  const auto longest = [](const auto& a, const auto& b) {
    const auto span = [](const ProgressBar& bar) {
      return bar.elapsed.value_or(Duration::zero()) + bar.left.value_or(Duration::zero());
    };
    return span(a.second) < span(b.second);
  };
  const auto best = std::ranges::max_element(newest, longest);
  return best == newest.end() ? std::nullopt : std::optional(best->second);
}

} // namespace gpujob::jobs
