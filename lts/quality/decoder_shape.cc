#include "lts/quality/decoder_shape.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "lts/arch/graph.h"
#include "lts/base/error.h"

namespace lts {
namespace {

// Any layer tells what the others are made of.
Graph OneLayer(const Architecture& architecture) {
  ArchitectureFields fields = architecture.fields();
  fields.layers.resize(1);
  return BuildGraph(Architecture(std::move(fields)));
}

// 1 where the tensor is there.
double Has(TensorId id) { return id == kNoTensor ? 0 : 1; }

constexpr double kInitialStd = 0.02;  // of NSC and of GPT-2's initialisation

}  // namespace

DecoderFrame::DecoderFrame(const Architecture& architecture) {
  const Graph graph = OneLayer(architecture);
  d_model_ = graph.d_model;
  vocab_size_ = graph.vocab_size;
  const auto d = static_cast<double>(d_model_);
  for (const TensorSpec& tensor : graph.tensors) {
    const auto count = static_cast<double>(tensor.count());
    switch (tensor.role) {
      case TensorRole::kTokenEmbedding:
      case TensorRole::kPositionEmbedding:
        embedding_params_ += count;
        break;
      case TensorRole::kHead:
        head_params_ += count;
        break;
      case TensorRole::kNorm:
        (tensor.name.starts_with("layers.") ? norm_params_ : final_norm_params_) += count;
        break;
      case TensorRole::kAttention:
      case TensorRole::kFeedForward:
        break;  // by their ops, which say what grows with what
    }
  }
  for (const Op& op : graph.ops) {
    if (const auto* embed = std::get_if<EmbedOp>(&op.attributes)) {
      for (const VocabCluster& cluster : embed->clusters) {
        clusters_.push_back({cluster.first, cluster.count, cluster.d_embed});
      }
    } else if (const auto* attention = std::get_if<AttentionOp>(&op.attributes)) {
      attention_params_ = d * d + Has(attention->qkv_bias) * d + d * d +
                          Has(attention->out_bias) * d + Has(attention->relative_weight) * d * d +
                          (Has(attention->content_bias) + Has(attention->position_bias)) * d;
      attention_params_per_kv_ = 2 * d + 2 * Has(attention->qkv_bias);
      relative_ = attention->relative_weight != kNoTensor;
    } else if (const auto* block = std::get_if<FeedForwardOp>(&op.attributes)) {
      feed_forward_matrices_ = block->gate_weight == kNoTensor ? 2 : 3;
      feed_forward_params_ = Has(block->down_bias) * d;
      feed_forward_params_per_d_inner_ = feed_forward_matrices_ * d + Has(block->up_bias);
    }
  }
  LTS_CHECK(!clusters_.empty());
}

double DecoderFrame::Of(LayerSum sum, const LayerShape& layer) const {
  switch (sum) {
    case LayerSum::kDInner:
      return static_cast<double>(layer.d_inner);
    case LayerSum::kLog2Heads:
      return std::log2(static_cast<double>(layer.n_head));
    case LayerSum::kAttentionParams:
      return attention_params_ +
             attention_params_per_kv_ *
                 static_cast<double>(layer.n_kv_head * (d_model_ / layer.n_head));
    case LayerSum::kFeedForwardParams:
      return feed_forward_params_ +
             feed_forward_params_per_d_inner_ * static_cast<double>(layer.d_inner);
    case LayerSum::kNormParams:
      return norm_params_;
    case LayerSum::kSpectralCapacity:
      return SpectralCapacity(layer);
  }
  LTS_CHECK(!"a sum without a definition");
  return 0;
}

double DecoderFrame::SpectralCapacity(const LayerShape& layer) const {
  const auto d = static_cast<double>(d_model_);
  const auto heads = static_cast<double>(layer.n_head);
  const auto kv_heads = static_cast<double>(layer.n_kv_head);
  const auto d_inner = static_cast<double>(layer.d_inner);
  const double d_head = d / heads;
  // Queries, relative positions, keys and values by head; then the output and the feed-forward.
  return (heads * (relative_ ? 2 : 1) + 2 * kv_heads) *
             lts::SpectralCapacity(d, d_head, kInitialStd) +
         lts::SpectralCapacity(d, d, kInitialStd) +
         feed_forward_matrices_ * lts::SpectralCapacity(d, d_inner, kInitialStd);
}

double SpectralCapacity(double m, double n, double std) {
  const double small = std::min(m, n);
  const double large = std::max(m, n);
  const double ratio = small / large;
  const double gain = large * std * std;
  const double root = std::sqrt(ratio);
  const double difference =
      std::sqrt(gain * (1 + root) * (1 + root) + 1) - std::sqrt(gain * (1 - root) * (1 - root) + 1);
  const double quarter = difference * difference / 4;
  return small * (std::log1p(gain - quarter) + std::log1p(gain * ratio - quarter) / ratio -
                  quarter / (ratio * gain));
}

}  // namespace lts
