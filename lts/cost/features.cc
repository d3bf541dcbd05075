#include "lts/cost/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "lts/arch/count.h"
#include "lts/base/error.h"

namespace lts {
namespace {

constexpr double kMib = 1024.0 * 1024.0;
// Vectors of 16 floats: the width to which engines pad the columns of a product.
constexpr std::int64_t kLanes = 16;

// Of a core with vectors of 512 bits: 100 billion multiply-adds, 20 GB, 2 billion elements a
// second, 2 us to hand work to threads. Attention runs on narrow matrices, at less than half of the
// rate.
constexpr double kProductMs = 1e-8;
constexpr double kByteMs = 5e-8;

// Where each feature stands in its table.
enum TtftFeature {
  kProduct,
  kAttention,
  kScores,
  kNormed,
  kActivated,
  kWeightBytes,
  kDispatches,
  kVocabulary
};
constexpr std::array<FeatureInfo, 8> kTtftFeatures{{
    {"products", "multiply-adds", kProductMs, 1},
    {"attention", "multiply-adds", 2.5 * kProductMs, 1},
    {"scores", "scores", 3e-7, 2},
    {"hidden values", "elements", 5e-7, 2},
    {"activations", "elements", 5e-7, 2},
    {"layer weights", "bytes", kByteMs, 1},
    {"dispatches", "ops", 2e-3, 3},
    {"vocabulary", "bytes", kByteMs, 1},
}};
enum TpotFeature { kStreamed, kCache, kCacheScores, kPassed, kSteps, kHead, kConstant };
constexpr std::array<FeatureInfo, 7> kTpotFeatures{{
    {"layer weights", "bytes", kByteMs, 0.5},
    {"KV cache", "bytes", kByteMs, 1},
    {"scores", "scores", 1e-6, 2},
    {"hidden values", "elements", 5e-7, 2},
    {"dispatches", "ops", 2e-3, 3},
    {"vocabulary", "bytes", kByteMs, 0.5},
    {"constant", "steps", 2e-2, 3},
}};
enum MemoryFeature { kWeights, kTables, kKvCache, kActivations, kAllocations, kBase };
constexpr std::array<FeatureInfo, 6> kMemoryFeatures{{
    {"layer weights", "bytes", 1 / kMib, 0.3},
    {"vocabulary", "bytes", 1 / kMib, 0.3},
    {"KV cache", "bytes", 1 / kMib, 0.5},
    {"activations", "bytes", 1 / kMib, 1},
    {"allocations", "ops", 8192 / kMib, 3},
    {"constant", "processes", 2, 3},
}};

static_assert(kActivations == kActivationFeature);

double RoundUp(std::int64_t n, std::int64_t to) {
  return static_cast<double>((n + to - 1) / to * to);
}
double D(std::int64_t n) { return static_cast<double>(n); }

Graph ProbeGraph(const CostContext& context, std::size_t layers) {
  // Four heads of 64 are valid in every backbone, whatever it rotates and cuts in four.
  const LayerShape layer{.n_head = 4, .n_kv_head = 4, .d_inner = 64};
  return BuildGraph(Architecture({.backbone = context.backbone,
                                  .vocab_size = context.vocab_size,
                                  .max_seq_len = context.max_seq_len,
                                  .d_model = 256,
                                  .layers = std::vector<LayerShape>(layers, layer)}));
}

}  // namespace

std::span<const FeatureInfo> FeaturesOf(Metric metric) {
  LTS_CHECK(metric == Metric::kTtftMs || metric == Metric::kTpotMs ||
            metric == Metric::kPeakMemoryMib);
  if (metric == Metric::kTtftMs) return kTtftFeatures;
  if (metric == Metric::kTpotMs) return kTpotFeatures;
  return kMemoryFeatures;
}

CostFeatures::CostFeatures(const CostContext& context)
    : workload_(context.workload),
      dtype_(context.config.dtype),
      kv_dtype_(context.config.cache_dtype()),
      vocab_size_(context.vocab_size),
      max_seq_len_(context.max_seq_len) {
  if (workload_.prompt_tokens < 1 || workload_.output_tokens < 1 || workload_.batch < 1 ||
      workload_.prompt_tokens > max_seq_len_ || workload_.output_tokens > max_seq_len_ ||
      workload_.context_tokens() > max_seq_len_) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("cost model: got a workload of prompt {}, output {}, batch {}, expected "
                    "each at least 1 and a context of at most {}",
                    workload_.prompt_tokens, workload_.output_tokens, workload_.batch,
                    max_seq_len_));
  }
  const Graph one = ProbeGraph(context, 1);
  const Graph two = ProbeGraph(context, 2);
  // Embedding, layers, final norm and head: the ops of a layer follow the embedding.
  const std::ptrdiff_t layer_ops = std::ssize(two.ops) - std::ssize(one.ops);
  LTS_CHECK(layer_ops > 0 && layer_ops < std::ssize(one.ops));
  layer_ops_.assign(one.ops.begin() + 1, one.ops.begin() + 1 + layer_ops);
  shared_ops_.push_back(one.ops.front());
  shared_ops_.insert(shared_ops_.end(), one.ops.begin() + 1 + layer_ops, one.ops.end());
  tied_head_ = CountParameters(one).head == 0;
}

CostFeatures::Step CostFeatures::Prefill(bool last_position_only) const {
  const double prompt = D(workload_.prompt_tokens);
  if (last_position_only) return {D(workload_.batch), prompt, 1, prompt, prompt};
  return {D(workload_.batch), prompt, prompt, prompt * (prompt + 1) / 2, prompt};
}

CostFeatures::Step CostFeatures::Decode() const {
  // The mean context of the decode steps, which hold prompt + 1 .. prompt + output - 1 tokens.
  const double context = D(workload_.prompt_tokens) + D(workload_.output_tokens) / 2;
  return {D(workload_.batch), 1, 1, context, context};
}

FeatureVector CostFeatures::Count(Metric metric, std::int64_t d_model, const LayerShape& layer,
                                  const Step& step) const {
  const double d = D(d_model);
  const std::int64_t d_head = std::max<std::int64_t>(1, d_model / layer.n_head);
  const double queries = D(layer.n_head) * D(d_head);
  const double keys = D(layer.n_kv_head) * D(d_head);
  const double inner = D(layer.d_inner);
  const double weight_size = D(SizeOf(dtype_));
  // An int8 row of a head has a float32 scale.
  const double cache_size =
      kv_dtype_ == DType::kInt8 ? 1 + D(SizeOf(DType::kFloat32)) / D(d_head) : D(SizeOf(kv_dtype_));
  const double rows = step.sequences * step.tokens;
  const double rest_rows = step.sequences * step.rest_tokens;

  double products = 0;   // multiply-adds
  double weights = 0;    // elements of matrices
  double hidden = 0;     // elements of norms, sums and attention's inputs and outputs
  double activated = 0;  // elements that an activation function is applied to
  double dispatches = 0;
  bool seen_norm = false;
  for (const Op& op : layer_ops_) {
    if (std::holds_alternative<NormOp>(op.attributes)) {
      hidden += (seen_norm ? rest_rows : rows) * d;
      seen_norm = true;
      dispatches += 1;
    } else if (std::holds_alternative<AttentionOp>(op.attributes)) {
      const double key_columns = RoundUp(2 * layer.n_kv_head * d_head, kLanes);
      const double query_columns = RoundUp(layer.n_head * d_head, kLanes);
      products += rows * d * key_columns +
                  rest_rows * (d * query_columns + queries * RoundUp(d_model, kLanes));
      weights += d * (queries + 2 * keys) + queries * d;
      hidden += rows * 2 * keys + rest_rows * (2 * queries + d);
      dispatches += 4;
    } else if (const auto* feed_forward = std::get_if<FeedForwardOp>(&op.attributes)) {
      const double ups = feed_forward->gate_weight == kNoTensor ? 1 : 2;
      products +=
          rest_rows * (ups * d * RoundUp(layer.d_inner, kLanes) + inner * RoundUp(d_model, kLanes));
      weights += (ups + 1) * d * inner;
      hidden += rest_rows * d;
      activated += rest_rows * ups * inner;
      dispatches += 1 + ups;
    }
  }
  // Keys as they are, values padded to whole vectors.
  const double head_widths = D(d_head) + RoundUp(d_head, kLanes);
  const double scores = step.sequences * step.pairs * D(layer.n_head);
  const double cache =
      step.sequences * step.context * D(layer.n_kv_head) * head_widths * cache_size;

  FeatureVector features{};
  if (metric == Metric::kTtftMs) {
    features[kProduct] = products;
    features[kAttention] = scores * head_widths;
    features[kScores] = scores;
    features[kNormed] = hidden;
    features[kActivated] = activated;
    features[kWeightBytes] = weights * weight_size;
    features[kDispatches] = dispatches;
  } else if (metric == Metric::kTpotMs) {
    features[kStreamed] = weights * weight_size;
    features[kCache] = cache;
    features[kCacheScores] = scores;
    features[kPassed] = hidden + activated;
    features[kSteps] = dispatches;
  } else {
    features[kWeights] = weights * weight_size;
    features[kKvCache] = step.sequences * D(workload_.context_tokens()) * 2 * keys * cache_size;
    features[kAllocations] = dispatches;
  }
  return features;
}

FeatureVector CostFeatures::Layer(Metric metric, std::int64_t d_model,
                                  const LayerShape& layer) const {
  return Count(metric, d_model, layer, metric == Metric::kTpotMs ? Decode() : Prefill(false));
}

FeatureVector CostFeatures::LastLayer(Metric metric, std::int64_t d_model,
                                      const LayerShape& layer) const {
  if (metric != Metric::kTtftMs) return Layer(metric, d_model, layer);
  return Count(metric, d_model, layer, Prefill(true));
}

FeatureVector CostFeatures::Shared(Metric metric, std::int64_t d_model) const {
  const double d = D(d_model);
  const double table = D(vocab_size_) * d * D(SizeOf(dtype_));
  double norms = 0;
  for (const Op& op : shared_ops_) norms += std::holds_alternative<NormOp>(op.attributes) ? 1 : 0;
  FeatureVector features{};
  if (metric == Metric::kTtftMs) {
    // Logits of one position of each sequence: bound by the table's bytes.
    features[kNormed] = D(workload_.batch * workload_.prompt_tokens) * d + norms * d;
    features[kDispatches] = 1 + norms + 1;
    features[kVocabulary] = table;
  } else if (metric == Metric::kTpotMs) {
    features[kPassed] = D(workload_.batch) * d * (1 + norms);
    features[kSteps] = 1 + norms + 1;
    features[kHead] = table;
    features[kConstant] = 1;
  } else {
    double positions = 0;
    for (const Op& op : shared_ops_) {
      if (const auto* embed = std::get_if<EmbedOp>(&op.attributes)) {
        positions += embed->positions == kNoTensor ? 0 : D(max_seq_len_) * d * sizeof(float);
      }
    }
    features[kTables] = (tied_head_ ? 1 : 2) * table + positions;
    features[kBase] = 1;
  }
  return features;
}

double CostFeatures::ActivationBytes(std::int64_t d_model, const LayerShape& layer) const {
  // The block's input and output, and the wider of what attention and the feed-forward block hold.
  const double rows = D(workload_.batch) * D(workload_.prompt_tokens);
  const std::int64_t d_head = std::max<std::int64_t>(1, d_model / layer.n_head);
  const double attention = 2 * D(layer.n_head + layer.n_kv_head) * D(d_head);
  double ups = 1;
  for (const Op& op : layer_ops_) {
    if (const auto* feed_forward = std::get_if<FeedForwardOp>(&op.attributes)) {
      ups = feed_forward->gate_weight == kNoTensor ? 1 : 2;
    }
  }
  const double widest = std::max(attention, ups * D(layer.d_inner));
  return rows * (2 * D(d_model) + widest) * sizeof(float);
}

}  // namespace lts
