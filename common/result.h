// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace gpujob {

/// What kind of failure it is: for programs. The text is for people.
enum class Errc : std::uint8_t {
  usage,       ///< the request itself is wrong; exit code 2
  refused,     ///< understood, and not done, with a reason
  not_found,   ///< no such job, file, process
  io,          ///< the system said no: text has path and errno
  bad_data,    ///< bytes that do not parse or break their schema
  protocol,    ///< a peer that speaks another version
  unreachable, ///< nobody answers there
};

/// An expected failure. `text` reads "what: which thing: why: what to do".
struct Error {
  Errc code = Errc::refused;
  std::string text;
};

/// Found by ADL when value() is called on an error: a bug in the caller.
[[noreturn]] inline void throw_exception_from_error(const Error& e, const boost::source_location&) {
  throw std::logic_error("unchecked error: " + e.text);
}

template <typename T>
using Result = boost::system::result<T, Error>;

inline Error make_error(Errc code, std::string text) {
  return Error{code, std::move(text)};
}

/// An io error for `what` on `path`, with errno's text.
Error io_error(const std::string& what, const std::string& path, int saved_errno);

} // namespace gpujob

/// Returns the error of a Result<void>-like expression from the calling function.
#define GPUJOB_TRY(expr)                                                                           \
  do {                                                                                             \
    if (auto gpujob_try_result = (expr); !gpujob_try_result) {                                     \
      return std::move(gpujob_try_result).error();                                                 \
    }                                                                                              \
  } while (false)
