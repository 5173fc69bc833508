// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <algorithm>
#include <string>

/// What the pictures of a report have in common; for charts.cpp and time_line.cpp only.
namespace gpujob::client::chart {

constexpr int k_axis = 22; ///< height of the labels of time

/// An instant as a share of the window's width, in percent.
struct Axis {
  WallTime from, until;

  [[nodiscard]] double x(WallTime t) const {
    const double share = to_seconds(t - from) / to_seconds(until - from);
    return std::clamp(share, 0.0, 1.0) * 100;
  }
};

/// The beginning of a picture that says in words what it shows; `id` is one of its page.
std::string head(int height, const std::string& id, const std::string& title,
                 const std::string& what);

/// Lines and labels of time; every other label goes where it is narrow.
std::string draw_axis(const Axis& axis, int height);

std::string span_text(WallTime from, WallTime until);

} // namespace gpujob::client::chart
