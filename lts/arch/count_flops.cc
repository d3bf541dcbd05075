// FLOPs. The conventions and the per-element costs below are those of docs/counting.md.
#include <algorithm>
#include <variant>

#include "lts/arch/count.h"
#include "lts/arch/step_run.h"
#include "lts/base/checked.h"
#include "lts/base/error.h"

namespace lts {
namespace {

// Elementary operations per element.
constexpr std::int64_t kLayerNormCost =
    6;                                    // sum, subtract, square, sum, scale, gain; a bias adds 1
constexpr std::int64_t kRmsNormCost = 4;  // square, sum, scale, gain
constexpr std::int64_t kSoftmaxCost = 5;  // maximum, subtract, exp, sum, divide
constexpr std::int64_t kRotaryCost = 3;   // two multiplications and an addition

constexpr std::int64_t ActivationCost(Activation activation) {
  switch (activation) {
    case Activation::kGeluTanh:
      return 9;  // x * x * x * a + x, * b, tanh, + 1, * x, * 0.5
    case Activation::kGeluErf:
      return 5;  // x * a, erf, + 1, * x, * 0.5
    case Activation::kRelu:
      return 1;
    case Activation::kReluSquared:
      return 2;
    case Activation::kSilu:
      return 4;  // negate, exp, + 1, divide
  }
  return 0;
}

std::int64_t Sum(std::initializer_list<std::int64_t> terms) {
  std::int64_t sum = 0;
  for (const std::int64_t term : terms) sum = CheckedAdd(sum, term);
  return sum;
}

// One row through a matrix [in, out], and a bias if there is one.
std::int64_t LinearCost(std::int64_t in, std::int64_t out, TensorId bias = kNoTensor) {
  return CheckedAdd(CheckedMul(2, in, out), bias == kNoTensor ? 0 : out);
}

class FlopCounter {
 public:
  FlopCounter(const Graph& graph, const StepRun& run) : d_(graph.d_model), run_(run) {}

  std::int64_t operator()(const EmbedOp& op) const {
    // Which cluster a token falls into is not known: every one in the costliest.
    std::int64_t per_token = 0;
    for (const VocabCluster& cluster : op.clusters) {
      if (cluster.projection == kNoTensor) continue;
      per_token = std::max(per_token, LinearCost(cluster.d_embed, d_));
    }
    if (op.scale != 1.0F) per_token = CheckedAdd(per_token, d_);
    if (op.positions != kNoTensor) per_token = CheckedAdd(per_token, d_);
    return CheckedMul(run_.Tokens(), per_token);
  }

  std::int64_t operator()(const NormOp& op) const {
    const std::int64_t cost = (op.kind == NormKind::kLayerNorm ? kLayerNormCost : kRmsNormCost) +
                              (op.bias == kNoTensor ? 0 : 1);
    return CheckedMul(run_.Tokens(), d_, cost);
  }

  std::int64_t operator()(const AttentionOp& op) const {
    const bool relative = op.positions == PositionScheme::kRelativeXl;
    const std::int64_t queries = CheckedMul(op.n_head, op.d_head);
    const std::int64_t keys = CheckedMul(op.n_kv_head, op.d_head);
    const std::int64_t rotated = CheckedMul(CheckedAdd(op.n_head, op.n_kv_head), op.rotary_dims);
    const std::int64_t per_token =
        Sum({LinearCost(d_, CheckedAdd(queries, CheckedMul(2, keys)), op.qkv_bias),
             LinearCost(queries, d_, op.out_bias), CheckedMul(kRotaryCost, rotated),
             relative ? CheckedMul(2, queries) : 0});  // the content and position biases
    // Scores and weighted values are products over d_head; then scale and softmax. Relative scores
    // are a second product and a sum.
    const std::int64_t per_pair =
        Sum({CheckedMul(4, queries), CheckedMul(1 + kSoftmaxCost, op.n_head),
             relative ? CheckedAdd(CheckedMul(2, queries), op.n_head) : 0});
    // The positions are the same for every sequence: projected once.
    const std::int64_t per_position = relative ? LinearCost(d_, queries) : 0;
    const std::int64_t memory = MemoryLimit(op);
    return Sum({CheckedMul(run_.Tokens(), per_token), CheckedMul(run_.Pairs(memory), per_pair),
                CheckedMul(run_.Positions(memory), per_position)});
  }

  // Keys and values of a token, and nothing else of an attention.
  std::int64_t KeyValueCost(const AttentionOp& op) const {
    const std::int64_t keys = CheckedMul(op.n_kv_head, op.d_head);
    return CheckedAdd(LinearCost(d_, CheckedMul(2, keys), op.qkv_bias),
                      CheckedMul(kRotaryCost, op.n_kv_head, op.rotary_dims));
  }

  std::int64_t operator()(const FeedForwardOp& op) const {
    std::int64_t per_token =
        Sum({LinearCost(d_, op.d_inner, op.up_bias), LinearCost(op.d_inner, d_, op.down_bias),
             CheckedMul(ActivationCost(op.activation), op.d_inner)});
    if (op.gate_weight != kNoTensor) {
      per_token = Sum({per_token, LinearCost(d_, op.d_inner), op.d_inner});
    }
    return CheckedMul(run_.Tokens(), per_token);
  }

  std::int64_t operator()(const AddOp& /*op*/) const { return CheckedMul(run_.Tokens(), d_); }

  std::int64_t operator()(const HeadOp& op) const {
    std::int64_t per_token = 0;
    std::int64_t words = 0;
    for (const VocabCluster& cluster : op.clusters) {
      if (cluster.projection != kNoTensor) {
        per_token = CheckedAdd(per_token, LinearCost(d_, cluster.d_embed));
      }
      per_token = CheckedAdd(per_token, LinearCost(cluster.d_embed, cluster.count));
      words = CheckedAdd(words, cluster.count);
    }
    if (op.bias != kNoTensor) per_token = CheckedAdd(per_token, words);
    const std::int64_t tails = std::ssize(op.clusters) - 1;
    if (tails > 0) {
      const VocabCluster& first = op.clusters.front();
      per_token = Sum({per_token, LinearCost(first.d_embed, tails, op.cluster_bias),
                       CheckedMul(kSoftmaxCost, CheckedAdd(words, tails)),  // of each cluster
                       words - first.count});  // the cluster's logarithm added to each tail word's
    }
    return CheckedMul(run_.LogitTokens(), per_token);
  }

 private:
  std::int64_t d_;
  const StepRun& run_;
};

}  // namespace

std::int64_t CountFlops(const Graph& graph, const StepRun& run) {
  const FlopCounter counter(graph, run);
  std::int64_t flops = 0;
  for (const Op& op : graph.ops) flops = CheckedAdd(flops, std::visit(counter, op.attributes));
  return flops;
}

std::int64_t CountLeastPrefillFlops(const Graph& graph, std::int64_t batch, std::int64_t tokens) {
  const StepRun all{.batch = batch, .new_tokens = tokens};
  const StepRun one{.batch = batch, .past_tokens = tokens - 1};
  const FlopCounter of_all(graph, all);
  const FlopCounter of_one(graph, one);
  const auto last =
      std::find_if(graph.ops.rbegin(), graph.ops.rend(),
                   [](const Op& op) { return std::holds_alternative<AttentionOp>(op.attributes); })
          .base() -
      1;
  std::int64_t flops = 0;
  for (auto op = graph.ops.begin(); op != graph.ops.end(); ++op) {
    flops = CheckedAdd(flops, std::visit(op < last ? of_all : of_one, op->attributes));
  }
  const auto& attention = std::get<AttentionOp>(last->attributes);
  return CheckedAdd(flops, CheckedMul(batch, tokens - 1, of_all.KeyValueCost(attention)));
}

}  // namespace lts
