// A decoder with weights.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/graph.h"
#include "lts/base/thread_pool.h"

namespace lts {

// Float32 weights of every tensor of the graph, row-major. Movable, read-only once built: many
// sessions and threads may read it.
class Model {
 public:
  // Zero weights in one buffer, each tensor 64-byte aligned, in the order of graph.tensors. Throws
  // kOutOfMemory before allocating when the machine cannot hold them.
  explicit Model(Architecture architecture);
  // Weights that lie elsewhere, in the private mapping of a checkpoint's file, say: `tensors` in
  // the order of graph.tensors, each of its tensor's count and aligned as a float at least, none
  // overlapping another (LTS_CHECK). `storage` keeps them alive and is nobody else's to write to.
  Model(Architecture architecture, std::vector<std::span<float>> tensors,
        std::shared_ptr<const void> storage);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  Model(Model&&) noexcept = default;
  Model& operator=(Model&&) noexcept = default;
  ~Model() = default;

  const Architecture& architecture() const { return architecture_; }
  const Graph& graph() const { return graph_; }
  std::span<const float> tensor(TensorId id) const;
  std::span<float> mutable_tensor(TensorId id);                // never writes to a file
  std::int64_t weight_bytes() const { return weight_bytes_; }  // padding between tensors included

 private:
  Architecture architecture_;
  Graph graph_;
  std::vector<std::span<float>> tensors_;
  std::shared_ptr<const void> storage_;
  std::int64_t weight_bytes_ = 0;
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
