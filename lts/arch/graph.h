// A decoder as a list of coarse ops over named tensors: the one description that everything else
// interprets.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/op.h"
#include "lts/base/error.h"

namespace lts {

// What a tensor counts as. Decoder parameters = kAttention + kFeedForward + kNorm.
enum class TensorRole {
  kTokenEmbedding,
  kPositionEmbedding,
  kAttention,
  kFeedForward,
  kNorm,
  kHead
};

// How fresh weights are drawn (Radford et al. 2019): matrices N(0, std), biases 0, gains 1.
struct TensorInit {
  enum class Kind { kNormal, kZero, kOne } kind = Kind::kZero;
  float std = 0;
};

// One or two extents, each >= 1. Held in place: a search builds a graph per candidate.
class TensorShape {
 public:
  using value_type = std::int64_t;
  using const_iterator = const std::int64_t*;

  TensorShape() = default;
  TensorShape(std::initializer_list<std::int64_t> extents) : rank_(extents.size()) {
    LTS_CHECK(rank_ <= extents_.size());
    std::copy(extents.begin(), extents.end(), extents_.begin());
  }
  std::size_t size() const { return rank_; }
  std::int64_t operator[](std::size_t i) const { return extents_[i]; }
  const_iterator begin() const { return extents_.data(); }
  const_iterator end() const { return extents_.data() + rank_; }
  bool operator==(const TensorShape&) const = default;

 private:
  std::array<std::int64_t, 2> extents_{};
  std::size_t rank_ = 0;
};

struct TensorSpec {
  std::string name;   // ours, unique: "layers.3.attention.qkv.weight"
  TensorShape shape;  // [in, out] of a matrix, [count] of a bias or gain
  TensorRole role = TensorRole::kAttention;
  TensorInit init;
  std::int64_t count() const;  // checked product; throws kInvalidArgument on overflow
};

struct Graph {
  std::int64_t d_model = 0;
  std::int64_t vocab_size = 0;
  std::int64_t max_seq_len = 0;  // longest context that positions allow
  std::int64_t n_layer = 0;      // number of AttentionOps; their `layer` runs 0..n_layer-1 in order
  std::vector<TensorSpec> tensors;  // each stored once, however many ops use it
  std::vector<Op> ops;              // in order of execution; the last one is the HeadOp
  std::int32_t n_values = 0;
};

// The graph of an architecture, by its backbone. O(n_layer), about a microsecond a layer. Throws
// kInvalidArgument on sizes that overflow.
Graph BuildGraph(const Architecture& architecture);

// Ends the process by LTS_CHECK on a graph that breaks the rules of op.h: a value used before it is
// written or written twice, a shape or role that does not fit, a tensor out of range or unused, the
// head not last. For tests of backbones; O(tensors log tensors).
void ValidateGraph(const Graph& graph);

}  // namespace lts
