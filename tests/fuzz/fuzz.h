// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>

/// What the fuzz targets share. A target is one file: LLVMFuzzerTestOneInput takes any bytes; what
/// must not be ends the program, and libFuzzer keeps the input.
namespace gpujob::fuzz {

/// stderr as it was at the start: libFuzzer closes 2 where the product would write to it.
inline const int k_stderr = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);

inline void expect(bool holds, std::string_view what, std::string_view about = {}) {
  if (!holds) {
    const auto text = "expected: " + std::string(what) + "\n" + std::string(about) + "\n";
    (void)!::write(k_stderr, text.data(), text.size());
    std::abort();
  }
}

/// A failure says something to people.
template <typename T>
void expect_said(const Result<T>& result) {
  expect(result || !result.error().text.empty(), "an error has a text");
}

/// `decode` reads the bytes, or says why not; what it read is written as something that reads the
/// same.
template <typename Decode, typename Encode>
auto check_round(std::string_view bytes, Decode decode, Encode encode) {
  auto first = decode(bytes);
  expect_said(first);
  if (!first) {
    return first;
  }
  const std::string written = encode(*first);
  const auto second = decode(written);
  expect(second.has_value(), "what was written can be read", written);
  const std::string again = encode(*second);
  expect(again == written, "what was read again is written the same", written + "\n" + again);
  if constexpr (std::equality_comparable<decltype(*first)>) {
    expect(*second == *first, "what was written reads the same", written);
  }
  return first;
}

/// The input, with "\x01" N c standing for 64 * (N + 1) times c, so that few bytes make long lines
/// and deep nests. No JSON has such a byte.
inline std::string expand(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t k_most = 1U << 17U;
  std::string out;
  for (std::size_t i = 0; i < size && out.size() < k_most; ++i) {
    if (data[i] == 1 && i + 2 < size) {
      out.append(64 * (std::size_t{data[i + 1]} + 1), static_cast<char>(data[i + 2]));
      i += 2;
    } else {
      out += static_cast<char>(data[i]);
    }
  }
  return out;
}

} // namespace gpujob::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
