// The rules of a Graph. A broken one is a programmer's error in a backbone, so every rule is an
// LTS_CHECK.
#include <cmath>
#include <set>
#include <string_view>
#include <variant>
#include <vector>

#include "lts/arch/graph.h"
#include "lts/base/error.h"

namespace lts {
namespace {

class GraphValidator {
 public:
  explicit GraphValidator(const Graph& graph)
      : graph_(graph),
        tensor_used_(graph.tensors.size()),
        value_written_(static_cast<std::size_t>(graph.n_values)) {}

  void Run() {
    LTS_CHECK(graph_.d_model >= 1 && graph_.vocab_size >= 1 && graph_.max_seq_len >= 1);
    CheckTensors();
    LTS_CHECK(!graph_.ops.empty());
    for (const Op& op : graph_.ops) CheckOp(op);
    LTS_CHECK(layers_seen_ == graph_.n_layer);
    for (const bool used : tensor_used_) LTS_CHECK(used);
    for (const bool written : value_written_) LTS_CHECK(written);
  }

 private:
  void CheckTensors() const {
    std::set<std::string_view> names;
    for (const TensorSpec& tensor : graph_.tensors) {
      LTS_CHECK(!tensor.name.empty() && names.insert(tensor.name).second);
      LTS_CHECK(tensor.shape.size() == 1 || tensor.shape.size() == 2);
      for (const std::int64_t extent : tensor.shape) LTS_CHECK(extent >= 1);
      LTS_CHECK(tensor.count() >= 1);
      LTS_CHECK((tensor.init.kind == TensorInit::Kind::kNormal) == (tensor.init.std > 0));
    }
  }

  void CheckOp(const Op& op) {
    const bool is_embed = std::holds_alternative<EmbedOp>(op.attributes);
    const bool is_add = std::holds_alternative<AddOp>(op.attributes);
    const bool is_last = &op == &graph_.ops.back();
    LTS_CHECK(std::holds_alternative<HeadOp>(op.attributes) == is_last);
    LTS_CHECK(is_embed ? op.input == kNoValue : IsWritten(op.input));
    LTS_CHECK(is_add ? IsWritten(op.input2) : op.input2 == kNoValue);
    LTS_CHECK(op.output >= 0 && op.output < graph_.n_values && !IsWritten(op.output));
    std::visit([this](const auto& attributes) { Check(attributes); }, op.attributes);
    value_written_[static_cast<std::size_t>(op.output)] = true;
  }

  bool IsWritten(ValueId value) const {
    return value >= 0 && value < graph_.n_values && value_written_[static_cast<std::size_t>(value)];
  }

  // The tensor exists, has this shape and counts as this role.
  void Use(TensorId id, const TensorShape& shape, TensorRole role) {
    LTS_CHECK(id >= 0 && static_cast<std::size_t>(id) < graph_.tensors.size());
    const TensorSpec& tensor = graph_.tensors[static_cast<std::size_t>(id)];
    LTS_CHECK(tensor.shape == shape);
    // A tied head uses the embedding's tensors, which stay embedding parameters.
    LTS_CHECK(tensor.role == role ||
              (role == TensorRole::kHead && tensor.role == TensorRole::kTokenEmbedding));
    tensor_used_[static_cast<std::size_t>(id)] = true;
  }
  void UseIfAny(TensorId id, const TensorShape& shape, TensorRole role) {
    if (id != kNoTensor) Use(id, shape, role);
  }

  void CheckClusters(const std::vector<VocabCluster>& clusters, TensorRole role) {
    LTS_CHECK(!clusters.empty());
    std::int64_t first = 0;
    for (const VocabCluster& cluster : clusters) {
      LTS_CHECK(cluster.first == first && cluster.count >= 1 && cluster.d_embed >= 1);
      Use(cluster.table, {cluster.count, cluster.d_embed}, role);
      if (cluster.projection == kNoTensor) LTS_CHECK(cluster.d_embed == graph_.d_model);
      UseIfAny(cluster.projection, {cluster.d_embed, graph_.d_model}, role);
      first += cluster.count;
    }
    LTS_CHECK(first == graph_.vocab_size);
  }

  void Check(const EmbedOp& op) {
    CheckClusters(op.clusters, TensorRole::kTokenEmbedding);
    LTS_CHECK(std::isfinite(op.scale) && op.scale > 0);
    LTS_CHECK(op.position_offset >= 0);
    LTS_CHECK(op.positions != kNoTensor || op.position_offset == 0);
    UseIfAny(op.positions, {graph_.max_seq_len + op.position_offset, graph_.d_model},
             TensorRole::kPositionEmbedding);
  }

  void Check(const NormOp& op) {
    LTS_CHECK(std::isfinite(op.epsilon) && op.epsilon > 0);
    Use(op.gain, {graph_.d_model}, TensorRole::kNorm);
    UseIfAny(op.bias, {graph_.d_model}, TensorRole::kNorm);
  }

  void Check(const AttentionOp& op) {
    LTS_CHECK(op.layer == layers_seen_);
    ++layers_seen_;
    LTS_CHECK(op.n_head >= 1 && op.n_kv_head >= 1 && op.n_head % op.n_kv_head == 0);
    LTS_CHECK(op.d_head >= 1 && std::isfinite(op.scale) && op.scale > 0);
    const std::int64_t queries = op.n_head * op.d_head;
    const std::int64_t fused = queries + 2 * op.n_kv_head * op.d_head;
    constexpr auto kRole = TensorRole::kAttention;
    Use(op.qkv_weight, {graph_.d_model, fused}, kRole);
    UseIfAny(op.qkv_bias, {fused}, kRole);
    Use(op.out_weight, {queries, graph_.d_model}, kRole);
    UseIfAny(op.out_bias, {graph_.d_model}, kRole);

    const bool rotary = op.positions == PositionScheme::kRotaryHalves ||
                        op.positions == PositionScheme::kRotaryInterleaved;
    if (rotary) {
      LTS_CHECK(op.rotary_dims >= 2 && op.rotary_dims % 2 == 0 && op.rotary_dims <= op.d_head);
      LTS_CHECK(std::isfinite(op.rotary_base) && op.rotary_base > 1);
    } else {
      LTS_CHECK(op.rotary_dims == 0);
    }
    if (op.positions == PositionScheme::kRelativeXl) {
      LTS_CHECK(op.memory_tokens >= 0);
      Use(op.relative_weight, {graph_.d_model, queries}, kRole);
      Use(op.content_bias, {op.n_head, op.d_head}, kRole);
      Use(op.position_bias, {op.n_head, op.d_head}, kRole);
    } else {
      LTS_CHECK(op.memory_tokens == 0 && op.relative_weight == kNoTensor &&
                op.content_bias == kNoTensor && op.position_bias == kNoTensor);
    }
  }

  void Check(const FeedForwardOp& op) {
    const std::int64_t d = graph_.d_model;
    constexpr auto kRole = TensorRole::kFeedForward;
    LTS_CHECK(op.d_inner >= 1);
    Use(op.up_weight, {d, op.d_inner}, kRole);
    UseIfAny(op.up_bias, {op.d_inner}, kRole);
    UseIfAny(op.gate_weight, {d, op.d_inner}, kRole);
    Use(op.down_weight, {op.d_inner, d}, kRole);
    UseIfAny(op.down_bias, {d}, kRole);
  }

  void Check(const AddOp& /*op*/) {}

  void Check(const HeadOp& op) {
    CheckClusters(op.clusters, TensorRole::kHead);
    UseIfAny(op.bias, {graph_.vocab_size}, TensorRole::kHead);
    const std::int64_t tails = std::ssize(op.clusters) - 1;
    if (tails > 0) {
      Use(op.cluster_rows, {tails, op.clusters.front().d_embed}, TensorRole::kHead);
      UseIfAny(op.cluster_bias, {tails}, TensorRole::kHead);
    } else {
      LTS_CHECK(op.cluster_rows == kNoTensor && op.cluster_bias == kNoTensor);
    }
  }

  const Graph& graph_;
  std::vector<bool> tensor_used_;
  std::vector<bool> value_written_;
  std::int64_t layers_seen_ = 0;
};

}  // namespace

void ValidateGraph(const Graph& graph) {
  LTS_CHECK(graph.n_values >= 0);
  GraphValidator(graph).Run();
}

}  // namespace lts
