#include "lts/arch/count.h"

#include "lts/base/checked.h"

namespace lts {

ParameterCounts CountParameters(const Graph& graph) {
  ParameterCounts counts;
  const auto add = [](std::int64_t& sum, std::int64_t count) { sum = CheckedAdd(sum, count); };
  for (const TensorSpec& tensor : graph.tensors) {
    const std::int64_t count = tensor.count();
    switch (tensor.role) {
      case TensorRole::kTokenEmbedding:
        add(counts.token_embedding, count);
        break;
      case TensorRole::kPositionEmbedding:
        add(counts.position_embedding, count);
        break;
      case TensorRole::kAttention:
        add(counts.attention, count);
        break;
      case TensorRole::kFeedForward:
        add(counts.feed_forward, count);
        break;
      case TensorRole::kNorm:
        add(counts.norm, count);
        break;
      case TensorRole::kHead:
        add(counts.head, count);
        break;
    }
  }
  return counts;
}

}  // namespace lts
