// The reference runtime against PyTorch: prefill, token by token, and whole decoders that the
// product has no backbone for. Their graphs are written by hand here: they show that the ops carry
// OPT, CodeGen and Llama and that the interpreter computes them.
#include "tests/goldens/golden.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/graph_builder.h"
#include "lts/arch/model.h"
#include "lts/base/rng.h"
#include "lts/runtime/reference/interpreter.h"
#include "tests/logits.h"

namespace lts::reference {
namespace {

constexpr double kTolerance = 1e-5;  // docs/numerics.md
constexpr float kAnyStd = 0.02F;  // of every matrix of a golden but the last ones of OPT's branches

VocabCluster Vocabulary(GraphBuilder& b, const Golden& golden, std::string_view name,
                        TensorRole role) {
  VocabCluster cluster{.count = golden.vocab_size, .d_embed = golden.d_model};
  cluster.table = b.Matrix(name, cluster.count, cluster.d_embed, role, kAnyStd);
  return cluster;
}

ValueId LayerNorm(GraphBuilder& b, std::int64_t d, const std::string& name, ValueId x) {
  NormOp op{.kind = NormKind::kLayerNorm, .epsilon = 1e-5F};
  op.gain = b.Gain(name + ".gain", d);
  op.bias = b.Bias(name + ".bias", d, TensorRole::kNorm);
  return b.Norm(op, x);
}

AttentionOp Heads(const Golden& golden, std::int64_t layer) {
  const LayerShape& shape = golden.layers[static_cast<std::size_t>(layer)];
  const std::int64_t d_head = golden.d_model / shape.n_head;
  return {.layer = layer,
          .n_head = shape.n_head,
          .n_kv_head = shape.n_kv_head,
          .d_head = d_head,
          .scale = 1.0F / std::sqrt(static_cast<float>(d_head))};
}

FeedForwardOp Biased(GraphBuilder& b, const Golden& golden, std::int64_t layer,
                     Activation activation, float down_std) {
  FeedForwardOp op{.d_inner = golden.layers[static_cast<std::size_t>(layer)].d_inner,
                   .activation = activation};
  op.up_weight = b.Matrix("up", golden.d_model, op.d_inner, TensorRole::kFeedForward, kAnyStd);
  op.up_bias = b.Bias("up_bias", op.d_inner, TensorRole::kFeedForward);
  op.down_weight = b.Matrix("down", op.d_inner, golden.d_model, TensorRole::kFeedForward, down_std);
  op.down_bias = b.Bias("down_bias", golden.d_model, TensorRole::kFeedForward);
  return op;
}

Graph Opt(const Golden& golden) {
  const Architecture sizes = golden.ToArchitecture();
  GraphBuilder b(sizes, 0, 0);
  const float branch_std = kAnyStd / std::sqrt(2.0F * static_cast<float>(sizes.n_layer()));
  const std::int64_t d = golden.d_model;
  EmbedOp embed{.clusters = {Vocabulary(b, golden, "wte", TensorRole::kTokenEmbedding)},
                .position_offset = 2};
  const VocabCluster tied = embed.clusters.front();
  embed.positions =
      b.Matrix("wpe", golden.max_seq_len + 2, d, TensorRole::kPositionEmbedding, kAnyStd);
  ValueId x = b.Embed(embed);
  for (std::int64_t i = 0; i < sizes.n_layer(); ++i) {
    b.BeginLayer(i);
    const ValueId y = LayerNorm(b, d, "norm1", x);
    AttentionOp attention = Heads(golden, i);
    attention.qkv_weight = b.Matrix("qkv", d, 3 * d, TensorRole::kAttention, kAnyStd);
    attention.qkv_bias = b.Bias("qkv_bias", 3 * d, TensorRole::kAttention);
    attention.out_weight = b.Matrix("out", d, d, TensorRole::kAttention, branch_std);
    attention.out_bias = b.Bias("out_bias", d, TensorRole::kAttention);
    x = b.Add(x, b.Attention(attention, y));
    const ValueId z = LayerNorm(b, d, "norm2", x);
    x = b.Add(x, b.FeedForward(Biased(b, golden, i, Activation::kRelu, branch_std), z));
  }
  b.EndLayers();
  const ValueId last = LayerNorm(b, d, "norm", x);
  return std::move(b).Head({.clusters = {tied}}, last);
}

Graph CodeGen(const Golden& golden) {
  const Architecture sizes = golden.ToArchitecture();
  GraphBuilder b(sizes, 0, 0);
  const std::int64_t d = golden.d_model;
  ValueId x = b.Embed({.clusters = {Vocabulary(b, golden, "wte", TensorRole::kTokenEmbedding)}});
  for (std::int64_t i = 0; i < sizes.n_layer(); ++i) {
    b.BeginLayer(i);
    const ValueId y = LayerNorm(b, d, "norm1", x);
    AttentionOp attention = Heads(golden, i);
    attention.positions = PositionScheme::kRotaryInterleaved;
    attention.rotary_dims = golden.rotary_dims;
    attention.qkv_weight = b.Matrix("qkv", d, 3 * d, TensorRole::kAttention, kAnyStd);
    attention.out_weight = b.Matrix("out", d, d, TensorRole::kAttention, kAnyStd);
    const FeedForwardOp feed_forward = Biased(b, golden, i, Activation::kGeluTanh, kAnyStd);
    const ValueId attended = b.Add(x, b.Attention(attention, y));
    x = b.Add(attended, b.FeedForward(feed_forward, y));  // both blocks read the same norm
  }
  b.EndLayers();
  const ValueId last = LayerNorm(b, d, "norm", x);
  HeadOp head{.clusters = {Vocabulary(b, golden, "head", TensorRole::kHead)}};
  head.bias = b.Bias("head_bias", golden.vocab_size, TensorRole::kHead);
  return std::move(b).Head(head, last);
}

Graph Llama(const Golden& golden) {
  const Architecture sizes = golden.ToArchitecture();
  GraphBuilder b(sizes, 0, 0);
  const std::int64_t d = golden.d_model;
  const auto norm = [&](std::string_view name, ValueId x) {
    return b.Norm({.kind = NormKind::kRmsNorm, .epsilon = 1e-6F, .gain = b.Gain(name, d)}, x);
  };
  ValueId x = b.Embed({.clusters = {Vocabulary(b, golden, "wte", TensorRole::kTokenEmbedding)}});
  for (std::int64_t i = 0; i < sizes.n_layer(); ++i) {
    b.BeginLayer(i);
    const ValueId y = norm("norm1", x);
    AttentionOp attention = Heads(golden, i);
    attention.positions = PositionScheme::kRotaryHalves;
    attention.rotary_dims = attention.d_head;
    attention.qkv_weight =
        b.Matrix("qkv", d, (attention.n_head + 2 * attention.n_kv_head) * attention.d_head,
                 TensorRole::kAttention, kAnyStd);
    attention.out_weight = b.Matrix("out", d, d, TensorRole::kAttention, kAnyStd);
    x = b.Add(x, b.Attention(attention, y));
    const ValueId z = norm("norm2", x);
    FeedForwardOp swiglu{.d_inner = golden.layers[static_cast<std::size_t>(i)].d_inner,
                         .activation = Activation::kSilu};
    swiglu.up_weight = b.Matrix("up", d, swiglu.d_inner, TensorRole::kFeedForward, kAnyStd);
    swiglu.gate_weight = b.Matrix("gate", d, swiglu.d_inner, TensorRole::kFeedForward, kAnyStd);
    swiglu.down_weight = b.Matrix("down", swiglu.d_inner, d, TensorRole::kFeedForward, kAnyStd);
    x = b.Add(x, b.FeedForward(swiglu, z));
  }
  b.EndLayers();
  const ValueId last = norm("norm", x);
  return std::move(b).Head({.clusters = {Vocabulary(b, golden, "head", TensorRole::kHead)}}, last);
}

Graph GraphOf(const Golden& golden) {
  if (golden.decoder == "opt") return Opt(golden);
  if (golden.decoder == "codegen") return CodeGen(golden);
  if (golden.decoder == "llama") return Llama(golden);
  LTS_CHECK(golden.decoder == "gpt2");
  return BuildGraph(golden.ToArchitecture());
}

// The weights that lts/arch's RandomModel(everything_random) would draw, for any graph.
std::shared_ptr<const BoundGraph> Bind(const Golden& golden) {
  auto bound = std::make_shared<BoundGraph>();
  bound->graph = GraphOf(golden);
  ValidateGraph(bound->graph);
  auto weights = std::make_shared<std::vector<std::vector<float>>>();
  for (const TensorSpec& tensor : bound->graph.tensors) {
    std::vector<float>& values = weights->emplace_back(static_cast<std::size_t>(tensor.count()));
    const bool matrix = tensor.init.kind == TensorInit::Kind::kNormal;
    FillNormalLike(values, matrix ? tensor.init.std : 0.1F, golden.seed, weights->size() - 1);
    const float centre = tensor.init.kind == TensorInit::Kind::kOne ? 1.0F : 0.0F;
    for (float& value : values) value += centre;
  }
  const auto tensor = [&](TensorId id) -> std::vector<float>& {
    return (*weights)[static_cast<std::size_t>(id)];
  };
  ScaleMatrices(bound->graph, golden.weight_scale, tensor);
  EXPECT_EQ(WeightsSha1(bound->graph, tensor), golden.weights_sha1)
      << "the weights are no longer those that tools/make_goldens.py drew";
  for (const std::vector<float>& values : *weights) bound->tensors.emplace_back(values);
  bound->storage = std::move(weights);
  return bound;
}

class GoldenTest : public ::testing::TestWithParam<std::string> {
 protected:
  GoldenTest() : golden_(ReadGolden(GetParam())), bound_(Bind(golden_)) {}

  // All logits [batch, n, V], fed in steps of `step` tokens.
  std::vector<float> LogitsInStepsOf(std::int64_t step) const {
    const std::int64_t n = golden_.n();
    Interpreter session(
        bound_,
        {.batch = golden_.batch, .max_tokens = n, .max_step_tokens = step, .all_logits = true});
    std::vector<float> all(static_cast<std::size_t>(golden_.batch * n * golden_.vocab_size));
    for (std::int64_t begin = 0; begin < n; begin += step) {
      const std::int64_t count = std::min(step, n - begin);
      std::vector<std::int32_t> tokens;
      for (std::int64_t b = 0; b < golden_.batch; ++b) {
        const auto* first = golden_.tokens.data() + b * n + begin;
        tokens.insert(tokens.end(), first, first + count);
      }
      std::vector<float> part(static_cast<std::size_t>(std::ssize(tokens) * golden_.vocab_size));
      session.Step(tokens, Logits::kAll, part);
      for (std::int64_t b = 0; b < golden_.batch; ++b) {
        const std::int64_t width = count * golden_.vocab_size;
        std::copy_n(part.begin() + b * width, width,
                    all.begin() + (b * n + begin) * golden_.vocab_size);
      }
    }
    return all;
  }

  Golden golden_;
  std::shared_ptr<const BoundGraph> bound_;
};

TEST_P(GoldenTest, PrefillEqualsPyTorch) {
  const std::vector<float> logits = golden_.AtPositions(LogitsInStepsOf(golden_.n()));
  EXPECT_LE(MaxRowError(logits, golden_.exact_logits, golden_.vocab_size), kTolerance);
  EXPECT_LE(MaxRowError(logits, golden_.single_logits, golden_.vocab_size), kTolerance);
}

TEST_P(GoldenTest, TokenByTokenEqualsPyTorch) {
  const std::vector<float> logits = golden_.AtPositions(LogitsInStepsOf(1));
  EXPECT_LE(MaxRowError(logits, golden_.exact_logits, golden_.vocab_size), kTolerance);
}

TEST_P(GoldenTest, EveryWayOfFeedingTokensGivesTheSameBits) {
  const std::vector<float> logits = LogitsInStepsOf(golden_.n());
  EXPECT_EQ(LogitsInStepsOf(1), logits);
  EXPECT_EQ(LogitsInStepsOf(5), logits);
}

TEST_P(GoldenTest, LastLogitsAreThoseOfTheLastPosition) {
  const std::int64_t n = golden_.n();
  const std::int64_t vocab_size = golden_.vocab_size;
  Interpreter session(bound_, {.batch = golden_.batch, .max_tokens = n, .max_step_tokens = n});
  std::vector<float> last(static_cast<std::size_t>(golden_.batch * vocab_size));
  session.Step(golden_.tokens, Logits::kLast, last);
  std::vector<float> expected;
  const std::vector<float> all = LogitsInStepsOf(n);
  for (std::int64_t b = 1; b <= golden_.batch; ++b) {
    const auto end = all.begin() + b * n * vocab_size;
    expected.insert(expected.end(), end - vocab_size, end);
  }
  EXPECT_EQ(last, expected);
}

INSTANTIATE_TEST_SUITE_P(, GoldenTest, ::testing::ValuesIn(GoldenNames()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace lts::reference
