// SPDX-License-Identifier: Apache-2.0
#include "client/bench/matmul.h"

#include "common/clock.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gpujob::client {

namespace {

/// A run takes 0.15 to 1 s. Where one takes longer than all of it there is no second.
constexpr Duration k_enough = std::chrono::seconds{3};
constexpr std::size_t k_most_runs = 5;

/// m[row][column] = (row * by_row + column * by_column) mod `modulus`, around 0.
Matrix pattern(std::size_t n, std::size_t by_row, std::size_t by_column, std::size_t modulus) {
  Matrix m(n);
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t column = 0; column < n; ++column) {
      const auto value = static_cast<int>((row * by_row + column * by_column) % modulus);
      m.cells[row * n + column] = static_cast<float>(value - static_cast<int>(modulus / 2));
    }
  }
  return m;
}

std::vector<double> applied(const Matrix& m, const std::vector<double>& vector) {
  std::vector<double> out(m.n);
  for (std::size_t row = 0; row < m.n; ++row) {
    for (std::size_t column = 0; column < m.n; ++column) {
      out[row] += static_cast<double>(m.cells[row * m.n + column]) * vector[column];
    }
  }
  return out;
}

} // namespace

Timing timing_of(std::vector<double> seconds) {
  std::ranges::sort(seconds);
  const auto middle = seconds.size() / 2;
  const double median =
      seconds.size() % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
  return {seconds.front(), median, static_cast<int>(seconds.size())};
}

Matrix left_factor(std::size_t n) {
  return pattern(n, 7, 3, 11);
}

Matrix right_factor(std::size_t n) {
  return pattern(n, 5, 2, 13);
}

void multiply(const Matrix& a, const Matrix& b, Matrix& c) {
  const auto n = a.n;
  std::ranges::fill(c.cells, 0.0F);
  for (std::size_t row = 0; row < n; ++row) {
    float* const out = &c.cells[row * n];
    // This order reads b row by row; the one of the textbook jumps through it.
    for (std::size_t k = 0; k < n; ++k) {
      const float factor = a.cells[row * n + k];
      const float* const in = &b.cells[k * n];
      for (std::size_t column = 0; column < n; ++column) {
        out[column] += factor * in[column];
      }
    }
  }
}

bool is_product(const Matrix& a, const Matrix& b, const Matrix& c) {
  std::vector<double> vector(a.n);
  for (std::size_t i = 0; i < a.n; ++i) {
    vector[i] = static_cast<double>(i % 17 + 1);
  }
  // Whole numbers below 2^53: equal means equal.
  return applied(c, vector) == applied(a, applied(b, vector));
}

Result<Timing> time_own_kernel() {
  const auto a = left_factor(k_bench_n);
  const auto b = right_factor(k_bench_n);
  Matrix c(k_bench_n);
  std::vector<double> seconds;
  const auto begin = read_clocks().boot;
  do {
    const auto before = read_clocks().boot;
    multiply(a, b, c);
    seconds.push_back(to_seconds(read_clocks().boot - before));
    if (!is_product(a, b, c)) {
      return Error{Errc::refused, "bench: the CPU: its product is wrong: do not trust this machine "
                                  "with training"};
    }
  } while (seconds.size() < k_most_runs && read_clocks().boot - begin < k_enough);
  return timing_of(std::move(seconds));
}

} // namespace gpujob::client
