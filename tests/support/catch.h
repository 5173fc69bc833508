// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place that names Catch2's header, so that moving to version 3 is one line.
#include <catch2/catch.hpp>

#include "common/result.h"

#include <string>

namespace Catch {
/// So that CHECK(result) compiles whatever it holds, and a failing one prints its error.
template <typename T>
struct StringMaker<boost::system::result<T, gpujob::Error>> {
  static std::string convert(const boost::system::result<T, gpujob::Error>& r) {
    return r ? "ok" : "error: " + r.error().text;
  }
};
} // namespace Catch
