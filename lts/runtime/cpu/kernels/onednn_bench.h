// oneDNN's matrix product as the benchmarks compare with it: its own best layout of the weights,
// one slice of the product per thread of the pool, inputs and weights converted beforehand.
#pragma once

#include <omp.h>

#include <cstdint>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "lts/base/aligned_buffer.h"
#include "lts/base/dtype.h"
#include "lts/base/thread_pool.h"

namespace lts {

// A part of the rows or columns, with every copy of the weights.
class OneDnnSlice {
 public:
  // x: [m, k] and weights: [k, n] with row stride weights_stride, float32; y: [m, n] with row
  // stride y_stride, float32 or, for int8, int32. int8: x and weights hold integers in [-127, 127].
  OneDnnSlice(DType dtype, const float* x, std::int64_t m, std::int64_t k, std::int64_t n, void* y,
              std::int64_t y_stride, const float* weights, std::int64_t weights_stride,
              std::int64_t copies)
      : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    using Dims = dnnl::memory::dims;
    using Type = dnnl::memory::data_type;
    const Type type = dtype == DType::kFloat32    ? Type::f32
                      : dtype == DType::kBFloat16 ? Type::bf16
                                                  : Type::s8;
    const dnnl::memory::desc plain_x({m, k}, Type::f32, Dims{k, 1});
    const dnnl::memory::desc x_desc({m, k}, type, Dims{k, 1});
    const dnnl::memory::desc w_desc({k, n}, type, dnnl::memory::format_tag::any);
    const dnnl::memory::desc y_desc({m, n}, dtype == DType::kInt8 ? Type::s32 : Type::f32,
                                    Dims{y_stride, 1});
    const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(x_desc, w_desc, y_desc), engine_);
    matmul_ = dnnl::matmul(desc);
    x_ = dnnl::memory(x_desc, engine_);
    dnnl::memory from(plain_x, engine_, const_cast<float*>(x));
    dnnl::reorder(from, x_).execute(stream_, from, x_);
    y_ = dnnl::memory(y_desc, engine_, y);
    dnnl::memory plain(dnnl::memory::desc({k, n}, Type::f32, Dims{weights_stride, 1}), engine_,
                       const_cast<float*>(weights));
    const auto bytes = static_cast<std::int64_t>((desc.weights_desc().get_size() + 63) / 64 * 64);
    storage_ = AlignedBuffer<std::byte>(copies * bytes);
    for (std::int64_t i = 0; i < copies; ++i) {
      weights_.emplace_back(desc.weights_desc(), engine_, storage_.data() + i * bytes);
      dnnl::reorder(plain, weights_.back()).execute(stream_, plain, weights_.back());
    }
    stream_.wait();
  }
  void Run(std::int64_t copy) {
    matmul_.execute(stream_, {{DNNL_ARG_SRC, x_},
                              {DNNL_ARG_WEIGHTS, weights_[static_cast<std::size_t>(copy)]},
                              {DNNL_ARG_DST, y_}});
  }

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::matmul matmul_;
  dnnl::memory x_;
  dnnl::memory y_;
  AlignedBuffer<std::byte> storage_;
  std::vector<dnnl::memory> weights_;
};

class OneDnnProduct {
 public:
  // As above, of the whole product; y has 4-byte elements.
  OneDnnProduct(DType dtype, const float* x, std::int64_t m, std::int64_t k, std::int64_t n,
                float* y, const float* weights, std::int64_t copies, int threads) {
    // Whichever way of sharing the work suits oneDNN: rows when there are many, columns otherwise.
    const bool by_rows = m >= 64 * threads;
    for (int i = 0; i < threads; ++i) {
      const auto part = [&](std::int64_t all) { return all * i / threads; };
      const auto size = [&](std::int64_t all) { return all * (i + 1) / threads - part(all); };
      if (by_rows) {
        slices_.push_back(std::make_unique<OneDnnSlice>(dtype, x + part(m) * k, size(m), k, n,
                                                        y + part(m) * n, n, weights, n, copies));
      } else {
        slices_.push_back(std::make_unique<OneDnnSlice>(dtype, x, m, k, size(n), y + part(n), n,
                                                        weights + part(n), n, copies));
      }
    }
  }
  void Run(std::int64_t copy, ThreadPool& pool) {
    pool.Run([&](int worker) {
      omp_set_num_threads(1);
      slices_[static_cast<std::size_t>(worker)]->Run(copy);
    });
  }

 private:
  std::vector<std::unique_ptr<OneDnnSlice>> slices_;
};

}  // namespace lts
