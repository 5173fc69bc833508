// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Strict reading of JSON: a value of another type or out of range is an error naming its key,
/// never converted. (nlohmann's get<int>() turns 3.7 into 3 and get<unsigned>() -1 into
/// 4294967295.)
namespace gpujob::json {

using Json = nlohmann::json;

/// Parses one document; Errc::bad_data when it is not JSON, or nests deeper than anything of ours:
/// to copy, compare or write a value recurses. `what` names it in the error.
Result<Json> parse(std::string_view text, std::string_view what);

/// One line; bytes that are not UTF-8 become U+FFFD (only shown text may contain such).
std::string dump(const Json& j);

/// Collects the first error while a whole object is read, so that a reader is a list of lines.
class Reader {
public:
  /// `object` must outlive the reader. A value that is no object is the first error.
  Reader(const Json& object, std::string_view what);

  std::string text(const char* key);
  std::string text_or(const char* key, std::string fallback);
  std::int64_t integer(const char* key);
  std::int64_t integer_or(const char* key, std::int64_t fallback);
  std::optional<std::int64_t> maybe_integer(const char* key);
  std::int64_t integer_in(const char* key, std::int64_t least, std::int64_t most);
  /// Nanoseconds that are plausible (common/time.h).
  Duration span(const char* key);
  BootTime boot_time(const char* key);
  WallTime wall_time(const char* key);
  std::optional<Duration> maybe_span(const char* key);
  std::optional<BootTime> maybe_boot_time(const char* key);
  std::optional<WallTime> maybe_wall_time(const char* key);
  std::optional<double> maybe_number(const char* key);
  bool boolean_or(const char* key, bool fallback);
  std::vector<std::string> texts_or_empty(const char* key);
  std::vector<int> integers_or_empty(const char* key);
  /// The member, or nullptr when it is absent or null.
  const Json* find(const char* key);
  /// Strings that may hold any bytes: plain when UTF-8, else {"b64": "..."}.
  std::vector<std::string> bytes_list(const char* key);
  std::string bytes(const char* key);

  void fail(const char* key, const char* why);
  [[nodiscard]] bool ok() const { return !m_error.has_value(); }
  /// The first error; only when !ok().
  [[nodiscard]] const Error& error() const { return *m_error; }

private:
  const Json* need(const char* key);
  template <typename Time>
  Time plausible(const char* key, Time value);

  const Json* m_object;
  std::string m_what;
  std::optional<Error> m_error;
};

/// Null for an empty text.
Json text_or_null(const std::string& text);
/// The writing side of bytes() and bytes_list().
Json from_bytes(const std::string& bytes);
Json from_bytes_list(const std::vector<std::string>& list);

} // namespace gpujob::json
