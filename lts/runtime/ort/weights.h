// The weights of a model as ONNX Runtime gets them: pointers. Its own, or random ones in a form
// that fits the purpose.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "lts/arch/graph.h"
#include "lts/arch/model.h"
#include "lts/base/aligned_buffer.h"

namespace lts::ort {

struct Weights {
  Graph graph;
  std::vector<const float*> tensors;    // by TensorId, row-major
  std::int64_t bytes = 0;               // of all tensors, as if no other model shared them
  std::shared_ptr<const void> storage;  // keeps `tensors` alive
  // Where the library does not rearrange a tensor, it reads it where it lies; else it makes a copy
  // of every tensor while it loads, as it would from a file.
  bool viewed = true;
};

Weights OwnWeights(Model model);

// For timing: every tensor a view of one buffer of random numbers, so that a candidate of a search
// costs neither memory nor the time to fill it. N(0, 0.02), about (FillNormalLike), as fresh
// matrices are; gains and biases too, which changes values and no speed. The tensors of one model
// are disjoint, each 64-byte aligned: a step reads as many bytes as with weights of its own. Safe
// to call from several threads.
class SharedWeights {
 public:
  // The buffer grows by at least half when a larger model comes, its beginning unchanged; models of
  // the old one keep it alive. 1-3 ns per new number and core. Another seed means another buffer.
  // Throws kOutOfMemory before allocating.
  Weights For(const Graph& graph, std::uint64_t seed);

 private:
  std::mutex mutex_;
  std::shared_ptr<const AlignedBuffer<float>> buffer_;
  std::uint64_t seed_ = 0;
};

// For measuring memory: not viewed, and next to nothing in memory themselves, so that what the
// process holds is what the library holds. Every tensor is zeros that take no memory (pages that
// were never written), but for its first number: the library keeps tensors of equal contents once.
// Throws kOutOfMemory when the address space does not suffice.
Weights HollowWeights(Graph graph, std::uint64_t seed);

}  // namespace lts::ort
