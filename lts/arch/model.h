// A decoder with weights.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/graph.h"
#include "lts/base/aligned_buffer.h"
#include "lts/base/thread_pool.h"

namespace lts {

// Owns float32 weights in the order of graph.tensors, each tensor 64-byte aligned in one buffer.
// Movable, read-only once built: many sessions and threads may read it.
class Model {
 public:
  // Zero weights. Throws kOutOfMemory before allocating when the machine cannot hold them.
  explicit Model(Architecture architecture);
  const Architecture& architecture() const { return architecture_; }
  const Graph& graph() const { return graph_; }
  std::span<const float> tensor(TensorId id) const;
  std::span<float> mutable_tensor(TensorId id);
  std::int64_t weight_bytes() const { return buffer_.bytes(); }

 private:
  Architecture architecture_;
  Graph graph_;
  AlignedBuffer<float> buffer_;
  std::vector<std::int64_t> offsets_;  // of each tensor, in floats
};

// Weights by each tensor's TensorInit; tensor i draws from stream (seed, i), the same whatever the
// number of threads: all usable cores are used. 3-4 ns a parameter and core. With
// `everything_random` biases and gains are drawn too (gains 1 + N(0, 0.1), biases N(0, 0.1)): for
// parity tests, where zeros would hide errors.
Model RandomModel(const Architecture& architecture, std::uint64_t seed,
                  bool everything_random = false);
// Values [first, first + values.size()) of a tensor as RandomModel(architecture, seed) draws them:
// for who converts weights piece by piece and never holds them all in float32.
void FillRandomTensor(const Graph& graph, TensorId id, std::uint64_t seed, std::int64_t first,
                      std::span<float> values, ThreadPool& pool);

}  // namespace lts
