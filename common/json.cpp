// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"

#include "common/base64.h"
#include "common/text.h"

#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

namespace gpujob::json {

namespace {

std::optional<std::string> to_bytes(const Json& j) {
  if (j.is_string()) {
    return j.get_ref<const std::string&>();
  }
  if (j.is_object() && j.size() == 1 && j.contains("b64") && j["b64"].is_string()) {
    return base64_decode(j["b64"].get_ref<const std::string&>());
  }
  return std::nullopt;
}

std::optional<std::int64_t> to_integer(const Json& j) {
  if (j.is_number_unsigned()) {
    const auto value = j.get<std::uint64_t>();
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(value);
  }
  return j.is_number_integer() ? std::optional(j.get<std::int64_t>()) : std::nullopt;
}

/// Our deepest document has a dozen levels.
constexpr std::size_t k_max_depth = 100;

/// Of text that may be no JSON at all.
bool is_too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size() && depth <= k_max_depth; ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      ++depth;
    } else if (!quoted && (c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return depth > k_max_depth;
}

} // namespace

Result<Json> parse(std::string_view text, std::string_view what) {
  if (is_too_deep(text)) {
    return Error{Errc::bad_data, fmt::format("{}: nests too deep", what)};
  }
  auto j = Json::parse(text, nullptr, false);
  if (j.is_discarded()) {
    return Error{Errc::bad_data, fmt::format("{}: not JSON", what)};
  }
  return j;
}

std::string dump(const Json& j) {
  return j.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Reader::Reader(const Json& object, std::string_view what) : m_object(&object), m_what(what) {
  if (!object.is_object()) {
    m_error = Error{Errc::bad_data, m_what + ": not a JSON object"};
  }
}

void Reader::fail(const char* key, const char* why) {
  if (!m_error) {
    m_error = Error{Errc::bad_data, fmt::format("{}: {}: {}", m_what, key, why)};
  }
}

const Json* Reader::find(const char* key) {
  if (m_error) {
    return nullptr;
  }
  const auto it = m_object->find(key);
  return it == m_object->end() || it->is_null() ? nullptr : &*it;
}

const Json* Reader::need(const char* key) {
  const auto* j = find(key);
  if (j == nullptr) {
    fail(key, "is missing");
  }
  return j;
}

std::string Reader::text(const char* key) {
  const auto* j = need(key);
  if (j != nullptr && j->is_string()) {
    return j->get<std::string>();
  }
  fail(key, "is not a string");
  return {};
}

std::string Reader::text_or(const char* key, std::string fallback) {
  return find(key) == nullptr ? std::move(fallback) : text(key);
}

std::int64_t Reader::integer(const char* key) {
  const auto* j = need(key);
  const auto value = j == nullptr ? std::nullopt : to_integer(*j);
  if (!value) {
    fail(key, "is not a 64-bit integer");
  }
  return value.value_or(0);
}

std::int64_t Reader::integer_or(const char* key, std::int64_t fallback) {
  return find(key) == nullptr ? fallback : integer(key);
}

std::optional<std::int64_t> Reader::maybe_integer(const char* key) {
  return find(key) == nullptr ? std::nullopt : std::optional(integer(key));
}

std::int64_t Reader::integer_in(const char* key, std::int64_t least, std::int64_t most) {
  const auto value = integer(key);
  if (value < least || value > most) {
    fail(key, "is out of range");
    return least;
  }
  return value;
}

template <typename Time>
Time Reader::plausible(const char* key, Time value) {
  if (!is_plausible(value)) {
    fail(key, "is out of range");
    return Time{};
  }
  return value;
}

Duration Reader::span(const char* key) {
  return plausible(key, Duration{integer(key)});
}

BootTime Reader::boot_time(const char* key) {
  return plausible(key, boot_from_ns(integer(key)));
}

WallTime Reader::wall_time(const char* key) {
  return plausible(key, wall_from_ns(integer(key)));
}

std::optional<Duration> Reader::maybe_span(const char* key) {
  return find(key) == nullptr ? std::nullopt : std::optional(span(key));
}

std::optional<BootTime> Reader::maybe_boot_time(const char* key) {
  return find(key) == nullptr ? std::nullopt : std::optional(boot_time(key));
}

std::optional<WallTime> Reader::maybe_wall_time(const char* key) {
  return find(key) == nullptr ? std::nullopt : std::optional(wall_time(key));
}

std::optional<double> Reader::maybe_number(const char* key) {
  const auto* j = find(key);
  if (j == nullptr) {
    return std::nullopt;
  }
  if (!j->is_number()) {
    fail(key, "is not a number");
    return std::nullopt;
  }
  return j->get<double>();
}

bool Reader::boolean_or(const char* key, bool fallback) {
  const auto* j = find(key);
  if (j == nullptr) {
    return fallback;
  }
  if (!j->is_boolean()) {
    fail(key, "is not true or false");
    return fallback;
  }
  return j->get<bool>();
}

std::vector<std::string> Reader::texts_or_empty(const char* key) {
  std::vector<std::string> out;
  const auto* j = find(key);
  if (j == nullptr) {
    return out;
  }
  if (!j->is_array()) {
    fail(key, "is not a list");
    return out;
  }
  for (const auto& item : *j) {
    if (!item.is_string()) {
      fail(key, "is not a list of strings");
      return {};
    }
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::vector<int> Reader::integers_or_empty(const char* key) {
  std::vector<int> out;
  const auto* j = find(key);
  if (j == nullptr) {
    return out;
  }
  if (!j->is_array()) {
    fail(key, "is not a list");
    return out;
  }
  for (const auto& item : *j) {
    const auto value = to_integer(item);
    if (!value || *value < std::numeric_limits<int>::min() ||
        *value > std::numeric_limits<int>::max()) {
      fail(key, "is not a list of integers");
      return {};
    }
    out.push_back(static_cast<int>(*value));
  }
  return out;
}

std::vector<std::string> Reader::bytes_list(const char* key) {
  std::vector<std::string> out;
  const auto* j = need(key);
  if (j == nullptr) {
    return out;
  }
  if (!j->is_array()) {
    fail(key, "is not a list");
    return out;
  }
  for (const auto& item : *j) {
    auto bytes = to_bytes(item);
    if (!bytes) {
      fail(key, "is not a list of strings or {\"b64\": ...}");
      return {};
    }
    out.push_back(std::move(*bytes));
  }
  return out;
}

std::string Reader::bytes(const char* key) {
  const auto* j = need(key);
  auto bytes = j == nullptr ? std::nullopt : to_bytes(*j);
  if (!bytes) {
    fail(key, "is not a string or {\"b64\": ...}");
  }
  return bytes.value_or(std::string{});
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json from_bytes(const std::string& bytes) {
  return is_utf8(bytes) ? Json(bytes) : Json{{"b64", base64_encode(bytes)}};
}

Json from_bytes_list(const std::vector<std::string>& list) {
  auto out = Json::array();
  for (const auto& item : list) {
    out.push_back(from_bytes(item));
  }
  return out;
}

} // namespace gpujob::json
