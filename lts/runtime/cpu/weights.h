// A model's weights as the kernels want them: matrices packed (kernels/matmul.h), everything else
// as it was.
//
// Packing happens in the model's own memory, through a copy of one matrix at a time, so that
// loading never holds the weights twice. A matrix whose columns are not a multiple of 16 needs more
// room than the model has for it, and one that lies in a checkpoint's file may not be aligned: it
// gets its own, and the pages of the original go back to the system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lts/arch/model.h"
#include "lts/base/aligned_buffer.h"
#include "lts/base/dtype.h"
#include "lts/base/thread_pool.h"
#include "lts/runtime/cpu/kernels/matmul.h"
#include "lts/runtime/cpu/kernels/narrow.h"

namespace lts::cpu {

// bfloat16 and int8 (kernels/narrow.h): matrices and embedding tables are converted one at a time
// into memory of their own, and the pages of the float32 originals go back as soon as each is done.
// Norms, biases and learned positions stay float32.
//
// Writes values [first, first + values.size()) of a tensor.
using FillTensor = std::function<void(TensorId id, std::int64_t first, std::span<float> values)>;

// Read-only once built: many sessions may use it.
class Weights {
 public:
  // Packs every matrix of the attention and feed-forward blocks, and for a narrow dtype the tables,
  // over `pool`. With `fill`, `model` is one of zeros that nobody has touched, and its values are
  // written just before they are packed: a narrow model is then never in memory as float32, but for
  // a few MiB of it. Throws kOutOfMemory.
  Weights(Model model, DType dtype, ThreadPool& pool, const FillTensor& fill = {});
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  const Graph& graph() const { return model_.graph(); }
  DType dtype() const { return dtype_; }
  // A tensor that is float32 and not packed; null for kNoTensor.
  const float* Tensor(TensorId id) const;
  const PackedMatrix& Matrix(TensorId id) const;               // float32
  const NarrowMatrix& Narrow(TensorId id) const;               // other dtypes
  const NarrowTable& Table(TensorId id) const;                 // other dtypes
  std::int64_t bytes() const { return bytes_; }                // held, packed or not
  std::int64_t widest_input() const { return widest_input_; }  // of any matrix or table

 private:
  void Pack(TensorId id, AlignedBuffer<float>& copy, ThreadPool& pool);
  void PackAsNarrow(TensorId id, ThreadPool& pool, const FillTensor& fill);
  void PackAsTable(TensorId id, ThreadPool& pool, const FillTensor& fill);
  float* NewScales(std::int64_t count);  // null unless int8

  Model model_;
  DType dtype_;
  std::vector<PackedMatrix> matrices_;     // by TensorId; no data: not packed
  std::vector<AlignedBuffer<float>> own_;  // of matrices that did not fit where they were
  std::vector<NarrowMatrix> narrow_;       // by TensorId
  std::vector<NarrowTable> tables_;        // by TensorId
  std::vector<AlignedBuffer<std::uint32_t>> words_;
  std::vector<AlignedBuffer<std::byte>> table_bytes_;
  std::int64_t bytes_ = 0;
  std::int64_t widest_input_ = 0;
};

}  // namespace lts::cpu
