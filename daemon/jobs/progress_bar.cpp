// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/progress_bar.h"

#include "common/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <vector>

namespace gpujob::jobs {

namespace {

constexpr std::size_t k_longest_rate = 24;
constexpr int k_most_epochs = 1'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Without what drives a terminal: colours (ESC [ … letter) and backspaces.
std::string plain(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b' && i + 1 < line.size() && line[i + 1] == '[') {
      for (i += 2; i < line.size() && (line[i] < '@' || line[i] > '~'); ++i) {
      }
    } else if (line[i] != '\b' && line[i] != '\x1b') {
      out += line[i];
    }
  }
  return out;
}

std::optional<double> read_number(std::string_view& text) {
  double value = 0;
  const auto [end, failed] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (failed != std::errc() || !std::isfinite(value) || value < 0) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// "450", "1.50k", "12.3M", "1.0GB": as tqdm scales them.
std::optional<double> read_count(std::string_view text) {
  const auto value = read_number(text);
  if (!value) {
    return std::nullopt;
  }
  double scale = 1;
  if (!text.empty()) {
    constexpr std::string_view k_prefixes = "kMGTP";
    const auto at = k_prefixes.find(text.front() == 'K' ? 'k' : text.front());
    if (at != std::string_view::npos) {
      scale = std::pow(1000.0, static_cast<double>(at) + 1);
    }
  }
  return *value * scale;
}

/// "00:32", "1:02:03", "26:03:04".
std::optional<Duration> read_clock(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3) {
    return std::nullopt;
  }
  double seconds = 0;
  for (const auto& part : parts) {
    const auto value = parse_int(part);
    if (!value || *value < 0 || *value > 1'000'000) {
      return std::nullopt;
    }
    seconds = seconds * 60 + static_cast<double>(*value);
  }
  if (std::chrono::duration<double>(seconds) > k_longest_span) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

/// "39s", "1:23", "71ms": as Keras writes times.
std::optional<Duration> read_keras_time(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    return read_clock(text);
  }
  const auto value = read_number(text);
  if (!value || *value > 1e8 || (text != "s" && text != "ms")) {
    return std::nullopt;
  }
  const double seconds = text == "ms" ? *value / 1000 : *value;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

/// The part done of "n/m"; nullopt: it is none.
std::optional<double> read_ratio(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto done = read_count(text.substr(0, slash));
  const auto total = read_count(text.substr(slash + 1));
  if (!done || !total || *total <= 0 || *done > *total || !std::isfinite(*total)) {
    return std::nullopt;
  }
  return *done / *total;
}

std::string_view last_word(std::string_view text) {
  text = trim(text);
  const auto space = text.find_last_of(" |");
  return space == std::string_view::npos ? text : text.substr(space + 1);
}

/// ` 45%|####5     | 450/1000 [00:32<00:39, 13.93it/s, loss=0.3]`
std::optional<ProgressBar> read_tqdm(std::string_view line) {
  const auto less = line.rfind('<');
  const auto open = less == std::string_view::npos ? less : line.rfind('[', less);
  const auto percent = line.find('%');
  if (open == std::string_view::npos || percent == std::string_view::npos || percent > open) {
    return std::nullopt;
  }
  const auto elapsed = read_clock(trim(line.substr(open + 1, less - open - 1)));
  const auto rest = line.substr(less + 1);
  const auto comma = std::min(rest.find_first_of(",]"), rest.size());
  const auto left = trim(rest.substr(0, comma));
  const auto done = read_ratio(last_word(line.substr(0, open)));
  auto begin = percent;
  while (begin > 0 && is_digit(line[begin - 1])) {
    --begin;
  }
  if (!elapsed || !done || begin == percent || (left != "?" && !read_clock(left))) {
    return std::nullopt;
  }
  ProgressBar bar;
  bar.label = std::string(trim(line.substr(0, begin)));
  bar.done = *done;
  bar.elapsed = elapsed;
  bar.left = read_clock(left);
  if (comma < rest.size() && rest[comma] == ',') {
    const auto rate = rest.substr(comma + 1);
    const auto text = trim(rate.substr(0, std::min(rate.find_first_of(",]"), rate.size())));
    const bool is_rate = text.find('/') != std::string_view::npos && !text.starts_with('?');
    bar.rate = is_rate && text.size() <= k_longest_rate ? printable(text) : "";
  }
  return bar;
}

/// Keras 2: `450/1000 [====>.....] - ETA: 39s - loss: 0.3`; Keras 3: `450/1000 ━━━━ 39s 71ms/step`.
std::optional<ProgressBar> read_keras(std::string_view line) {
  constexpr std::string_view k_stroke = "\xe2\x94\x81"; // ━
  const auto words = split(line, ' ');
  std::vector<std::string> told;
  std::ranges::copy_if(words, std::back_inserter(told), [](const auto& w) { return !w.empty(); });
  const auto done = told.size() < 3 ? std::nullopt : read_ratio(told[0]);
  if (!done) {
    return std::nullopt;
  }
  ProgressBar bar;
  bar.done = *done;
  std::optional<Duration> time;
  std::size_t next = 0;
  if (told[1].starts_with(k_stroke)) {
    const auto after = std::ranges::find_if(told.begin() + 2, told.end(), [&](const auto& word) {
      return !word.starts_with(k_stroke);
    });
    next = static_cast<std::size_t>(after - told.begin());
  } else if (told[1].starts_with('[') && told[1].ends_with(']') && told[2] == "-" &&
             told[1].find_first_not_of("[=>.]") == std::string::npos) {
    next = told.size() > 3 && told[3] == "ETA:" ? 4 : 3;
  }
  if (next == 0 || next >= told.size() || !(time = read_keras_time(told[next]))) {
    return std::nullopt;
  }
  if (*done < 1) {
    bar.left = time;
  } else {
    bar.left = Duration::zero();
    bar.elapsed = time;
  }
  const bool has_rate = next + 1 < told.size() && told[next + 1].ends_with("/step");
  bar.rate = has_rate && told[next + 1].size() <= k_longest_rate ? printable(told[next + 1]) : "";
  return bar;
}

} // namespace

std::optional<ProgressBar> read_progress_bar(std::string_view line) {
  if (line.size() > k_longest_line) {
    return std::nullopt;
  }
  const auto text = plain(line);
  auto bar = read_tqdm(text);
  return bar ? bar : read_keras(trim(text));
}

std::optional<Epoch> read_epoch(std::string_view text) {
  const auto at = std::min(text.find("Epoch "), text.find("epoch "));
  if (at == std::string_view::npos || (at > 0 && text[at - 1] != ' ')) {
    return std::nullopt;
  }
  auto rest = text.substr(at + 6);
  rest.remove_prefix(std::min(rest.find_first_not_of(" [("), rest.size()));
  const auto digits = [](std::string_view s) {
    const auto end = std::min(s.find_first_not_of("0123456789"), s.size());
    return parse_int(s.substr(0, end));
  };
  const auto number = digits(rest);
  if (!number || *number > k_most_epochs) {
    return std::nullopt;
  }
  Epoch epoch{static_cast<int>(*number), 0};
  rest.remove_prefix(std::min(rest.find_first_not_of("0123456789"), rest.size()));
  if (rest.starts_with('/')) {
    const auto total = digits(rest.substr(1));
    // One that counts from 0 does not say whether its last is the total or one less.
    const bool sound = total && *total <= k_most_epochs && *number >= 1 && *number <= *total;
    epoch.total = sound ? static_cast<int>(*total) : 0;
  }
  return epoch;
}

} // namespace gpujob::jobs
