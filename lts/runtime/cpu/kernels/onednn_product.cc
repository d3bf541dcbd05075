#include "lts/runtime/cpu/kernels/onednn_product.h"

#include <omp.h>

#include <cstddef>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "lts/base/aligned_buffer.h"

namespace lts {

class OneDnnProduct::Slice {
 public:
  Slice(DType dtype, const float* x, std::int64_t m, std::int64_t k, std::int64_t n, void* y,
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

OneDnnProduct::OneDnnProduct(DType dtype, const float* x, std::int64_t m, std::int64_t k,
                             std::int64_t n, float* y, const float* weights, std::int64_t copies,
                             int threads) {
  // Whichever way of sharing the work suits oneDNN: rows when there are many, columns otherwise.
  const bool by_rows = m >= 64 * threads;
  for (int i = 0; i < threads; ++i) {
    const auto part = [&](std::int64_t all) { return all * i / threads; };
    const auto size = [&](std::int64_t all) { return all * (i + 1) / threads - part(all); };
    if (by_rows) {
      slices_.push_back(std::make_unique<Slice>(dtype, x + part(m) * k, size(m), k, n,
                                                y + part(m) * n, n, weights, n, copies));
    } else {
      slices_.push_back(std::make_unique<Slice>(dtype, x, m, k, size(n), y + part(n), n,
                                                weights + part(n), n, copies));
    }
  }
}

OneDnnProduct::~OneDnnProduct() = default;

void OneDnnProduct::Run(std::int64_t copy, ThreadPool& pool) {
  pool.Run([&](int worker) {
    omp_set_num_threads(1);
    slices_[static_cast<std::size_t>(worker)]->Run(copy);
  });
}

}  // namespace lts
