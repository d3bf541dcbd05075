// oneDNN's matrix product as the benchmarks compare with it: its own best layout of the weights,
// one slice of the product per thread of the pool, inputs and weights converted beforehand.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lts/base/dtype.h"
#include "lts/base/thread_pool.h"

namespace lts {

class OneDnnProduct {
 public:
  // x: [m, k] and weights: [k, n] float32; y: [m, n] of float32 or, for int8, int32. int8: x and
  // weights hold integers in [-127, 127].
  OneDnnProduct(DType dtype, const float* x, std::int64_t m, std::int64_t k, std::int64_t n,
                float* y, const float* weights, std::int64_t copies, int threads);
  ~OneDnnProduct();
  // With one copy of the weights, over `pool`, which has as many threads.
  void Run(std::int64_t copy, ThreadPool& pool);

 private:
  class Slice;  // a part of the rows or columns, with every copy of the weights
  std::vector<std::unique_ptr<Slice>> slices_;
};

}  // namespace lts
