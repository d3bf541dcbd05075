// A model's weights as the kernels want them: matrices packed (kernels/matmul.h), everything else
// as it was.
//
// Packing happens in the model's own memory, through a copy of one matrix at a time, so that
// loading never holds the weights twice. A matrix whose columns are not a multiple of 16 needs more
// room than the model has for it: it gets its own, and the pages of the original go back to the
// system.
#pragma once

#include <cstdint>
#include <vector>

#include "lts/arch/model.h"
#include "lts/base/aligned_buffer.h"
#include "lts/base/thread_pool.h"
#include "lts/runtime/cpu/kernels/matmul.h"

namespace lts::cpu {

// Read-only once built: many sessions may use it.
class Weights {
 public:
  // Packs every matrix of the attention and feed-forward blocks over `pool`. Throws kOutOfMemory.
  Weights(Model model, ThreadPool& pool);
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  const Graph& graph() const { return model_.graph(); }
  // A tensor that is not packed; null for kNoTensor.
  const float* Tensor(TensorId id) const;
  const PackedMatrix& Matrix(TensorId id) const;
  std::int64_t bytes() const { return bytes_; }  // held, packed or not

 private:
  void Pack(TensorId id, AlignedBuffer<float>& copy, ThreadPool& pool);

  Model model_;
  std::vector<PackedMatrix> matrices_;     // by TensorId; no data: not packed
  std::vector<AlignedBuffer<float>> own_;  // of matrices that did not fit where they were
  std::int64_t bytes_ = 0;
};

}  // namespace lts::cpu
