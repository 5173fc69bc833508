// SPDX-License-Identifier: Apache-2.0
// Two of three mutations change one value within one JSON document of the input, so that it is JSON
// still: strict readers see little else. The third is any change of bytes.
#include "common/text.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using Json = nlohmann::json;
using Random = std::minstd_rand;

std::size_t pick(Random& random, std::size_t below) {
  return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
}

Json any_of(const Json& list, Random& random) {
  return list[pick(random, list.size())];
}

/// At the borders of what readers accept; a number for a number, most of the time.
Json other_value(const Json& value, Random& random) {
  static const Json numbers = Json::parse(R"([0, 1, 2, -1, 64, 255, 256, 1000, 2147483647,
    2147483648, -2147483648, 9223372036854775807, -9223372036854775808, 9223372036854775808,
    18446744073709551615, 1790000000000000000, 3162240000000000000, 0.5, -0.5, 1e300, -1e300,
    1e-320])");
  static const Json others = Json::parse(R"([null, true, false, {}, [], "", "x", "/x", "/a/../b",
    "a b", "-", "running", "2026-11-21T05:00:00.250Z", "9999-12-31T23:59:59Z", {"b64": "/w=="},
    {"b64": "AA=="}, [null], [1, "x"], [["A", "1"]], ["A=1"], "\u001b[2J", "\u0000"])");
  const bool number = pick(random, 4) < (value.is_number() ? 3U : 1U);
  return any_of(number ? numbers : others, random);
}

/// Every value of the document, and where it hangs.
struct Place {
  Json* parent;
  std::string key; ///< in an object
  std::size_t index = 0;
  Json* value;
};

void collect(Json& parent, std::vector<Place>& places) {
  // So deep only a nest of brackets is, which says nothing further down.
  constexpr std::size_t k_most = 2000;
  if (places.size() > k_most) {
    return;
  }
  std::size_t index = 0;
  for (auto it = parent.begin(); parent.is_structured() && it != parent.end(); ++it, ++index) {
    places.push_back({&parent, parent.is_object() ? it.key() : "", index, &*it});
    collect(*it, places);
  }
}

void nudge(Json& value, Random& random) {
  if (value.is_number_unsigned() || value.is_number_integer()) {
    const auto by = static_cast<std::uint64_t>(pick(random, 2) == 0 ? 1 : -1);
    value = static_cast<std::int64_t>(value.get<std::uint64_t>() + by);
  } else if (value.is_string() && !value.get<std::string>().empty()) {
    auto text = value.get<std::string>();
    auto& byte = text[pick(random, text.size())];
    byte = static_cast<char>(' ' + pick(random, 95));
    value = text;
  } else {
    value = other_value(value, random);
  }
}

void change(Json& document, Random& random) {
  std::vector<Place> places;
  collect(document, places);
  if (places.empty()) {
    document = Json{{"x", other_value(document, random)}};
    return;
  }
  const auto at = places[pick(random, places.size())];
  const auto from = places[pick(random, places.size())];
  switch (pick(random, 6)) {
  case 0:
    nudge(*at.value, random);
    break;
  case 1:
    at.parent->is_object() ? void(at.parent->erase(at.key)) : at.parent->erase(at.index);
    break;
  case 2:
    *at.value = Json(*from.value);
    break;
  case 3:
    if (at.parent->is_array()) {
      at.parent->push_back(Json(*from.value));
    } else {
      (*at.parent)[from.key] = Json(*from.value);
    }
    break;
  default:
    *at.value = other_value(*at.value, random);
  }
}

/// A document is the whole input, or a line of it.
std::optional<std::string> changed(std::string_view input, Random& random) {
  const auto rewrite = [&](std::string_view text) -> std::optional<std::string> {
    auto j = Json::parse(text, nullptr, false);
    if (!j.is_structured()) {
      return std::nullopt;
    }
    for (auto times = 1 + pick(random, 3); times > 0; --times) {
      change(j, random);
    }
    return j.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  if (auto whole = rewrite(input)) {
    return whole;
  }
  auto lines = gpujob::split(input, '\n');
  for (int i = 0; !lines.empty() && i < 4; ++i) {
    auto& line = lines[pick(random, lines.size())];
    if (auto other = rewrite(line)) {
      line = std::move(*other);
      std::string out;
      for (const auto& each : lines) {
        out += each + "\n";
      }
      return out;
    }
  }
  return std::nullopt;
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  Random random(seed);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto other = pick(random, 3) == 0 ? std::nullopt : changed(input, random);
  if (!other || other->size() > max_size) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::copy(other->begin(), other->end(), data);
  return other->size();
}
