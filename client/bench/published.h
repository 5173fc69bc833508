// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

namespace gpujob::client {

/// A time of the same multiplication that somebody published.
struct Published {
  std::string_view where;
  bool on_gpu = false;
  double seconds = 0;
  bool is_measurement = true; ///< false: of something else than the product
  std::string_view source;
  std::string_view as_of;
};

constexpr std::string_view k_post =
    "a user's post: matmul of 800 x 800 x 800; by what software is not stated";
/// It would be 25 TFLOP/s of float32, more than any GPU of that time had: nobody waited for it.
constexpr std::string_view k_launch = "a user's post: matmul of 800 x 800 x 800; the launch of a "
                                      "CUDA kernel, without synchronisation";

/// On the own server of the post's author, and on platforms; Kaggle's GPU is not in it.
constexpr std::array<Published, 7> k_published{{
    {"own server", false, 3.54, true, k_post, "2020-02-21"},
    {"Gradient", false, 2.16, true, k_post, "2020-02-21"},
    {"Colab", false, 7.38, true, k_post, "2020-02-21"},
    {"Kaggle", false, 7.78, true, k_post, "2020-02-21"},
    {"own server", true, 0.139, true, k_post, "2020-02-21"},
    {"Gradient", true, 40.8e-6, false, k_launch, "2020-02-21"},
    {"Colab", true, 0.217, true, k_post, "2020-02-21"},
}};

} // namespace gpujob::client
