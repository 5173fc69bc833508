// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/bench/timing.h"
#include "common/result.h"

#include <cstddef>
#include <vector>

/// gpujob's own matrix multiplication, for machines without PyTorch: three loops, one thread.
namespace gpujob::client {

/// Square, row by row.
struct Matrix {
  explicit Matrix(std::size_t size) : n(size), cells(size * size) {}
  std::size_t n;
  std::vector<float> cells;
};

/// Always the same small whole numbers, of which float32 holds every sum up to n = 500000 exactly.
Matrix left_factor(std::size_t n);
Matrix right_factor(std::size_t n);

/// `c` becomes the product; all of one size.
void multiply(const Matrix& a, const Matrix& b, Matrix& c);

/// Whether `c` is the product of two matrices of whole numbers, in the time of one row's worth of
/// multiplying: both are applied to one vector.
bool is_product(const Matrix& a, const Matrix& b, const Matrix& c);

/// Of at least one run.
Timing timing_of(std::vector<double> seconds);

/// Some products of k_bench_n, for 3 s at most unless one takes longer; an error when this machine
/// calculates wrongly.
Result<Timing> time_own_kernel();

} // namespace gpujob::client
