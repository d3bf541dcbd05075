// The graph's ops in libtorch: values against runtime/reference, derivatives against differences.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <string>
#include <vector>

#include "lts/arch/model.h"
#include "lts/arch/other_decoders.h"
#include "lts/base/rng.h"
#include "lts/runtime/reference/interpreter.h"
#include "lts/train/torch/decoder-inl.h"
#include "tests/logits.h"

namespace lts::torch_engine {
namespace {

// Weights large enough that attention and activations are far from their linear parts.
std::vector<at::Tensor> DrawWeights(const Graph& graph, std::uint64_t seed) {
  std::vector<at::Tensor> weights;
  for (const TensorSpec& spec : graph.tensors) {
    const bool matrix = spec.init.kind == TensorInit::Kind::kNormal;
    std::vector<float> values(static_cast<std::size_t>(spec.count()));
    FillNormalLike(values, matrix ? 0.3F : 0.1F, seed, weights.size());
    const float centre = spec.init.kind == TensorInit::Kind::kOne ? 1.0F : 0.0F;
    for (float& value : values) value += centre;
    weights.push_back(
        at::tensor(values).reshape(at::IntArrayRef(spec.shape.begin(), spec.shape.size())));
  }
  return weights;
}

std::vector<std::int32_t> DrawTokens(const Graph& graph, std::int64_t count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>(rng.Below(graph.vocab_size)));
  }
  return tokens;
}

at::Tensor AsTensor(const std::vector<std::int32_t>& tokens, std::int64_t batch) {
  return at::tensor(tokens).to(at::kLong).reshape({batch, -1});
}

std::vector<float> ReferenceLogits(const Graph& graph, const std::vector<at::Tensor>& weights,
                                   const std::vector<std::int32_t>& tokens, std::int64_t batch) {
  auto bound = std::make_shared<reference::BoundGraph>();
  bound->graph = graph;
  for (const at::Tensor& weight : weights) {
    bound->tensors.emplace_back(weight.data_ptr<float>(), static_cast<std::size_t>(weight.numel()));
  }
  const std::int64_t n = std::ssize(tokens) / batch;
  reference::Interpreter session(
      bound, {.batch = batch, .max_tokens = n, .max_step_tokens = n, .all_logits = true});
  std::vector<float> logits(tokens.size() * static_cast<std::size_t>(graph.vocab_size));
  session.Step(tokens, Logits::kAll, logits);
  return logits;
}

void ExpectLogitsOfReference(const Graph& graph, std::uint64_t seed) {
  Rng rng(seed);
  const std::vector<at::Tensor> weights = DrawWeights(graph, seed);
  const std::int64_t batch = rng.Between(1, 3);
  const std::int64_t n = rng.Between(1, graph.max_seq_len);
  const std::vector<std::int32_t> tokens = DrawTokens(graph, batch * n, seed);
  const at::NoGradGuard no_grad;
  const at::Tensor logits = Decoder(graph).Logits(weights, AsTensor(tokens, batch), {});
  const std::span<const float> ours(logits.data_ptr<float>(),
                                    static_cast<std::size_t>(logits.numel()));
  EXPECT_LE(MaxRowError(ours, ReferenceLogits(graph, weights, tokens, batch), graph.vocab_size),
            1e-4)
      << "batch " << batch << ", " << n << " tokens, seed " << seed;
}

Architecture RandomShape(const std::string& backbone, Rng& rng) {
  ArchitectureFields fields{.backbone = backbone,
                            .vocab_size = rng.Between(3, 70),
                            .max_seq_len = rng.Between(1, 33),
                            .d_model = 8 * rng.Between(1, 6)};
  const std::int64_t n_layer = rng.Between(1, 4);
  for (std::int64_t i = 0; i < n_layer; ++i) {
    const std::int64_t n_head = std::int64_t{1} << rng.Between(0, 2);
    const std::int64_t n_kv_head = backbone == "llama" && n_head > 1 ? n_head / 2 : n_head;
    fields.layers.push_back({backbone == "codegen" ? 4 : n_head,
                             backbone == "codegen" ? 4 : n_kv_head, rng.Between(1, 90)});
  }
  return Architecture(fields);
}

class BackboneTest : public ::testing::TestWithParam<std::string> {};

TEST_P(BackboneTest, LogitsEqualTheReference) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Rng rng(seed);
    ExpectLogitsOfReference(BuildGraph(RandomShape(GetParam(), rng)), seed);
  }
}

INSTANTIATE_TEST_SUITE_P(, BackboneTest, ::testing::Values("gpt2", "opt", "codegen", "llama"));

// What no backbone uses.
Graph WithActivation(Graph graph, Activation activation) {
  for (Op& op : graph.ops) {
    if (auto* block = std::get_if<FeedForwardOp>(&op.attributes)) block->activation = activation;
  }
  return graph;
}

struct NamedGraph {
  std::string name;
  Graph graph;
};

std::vector<NamedGraph> AllVariants() {
  std::vector<NamedGraph> graphs{
      {"gpt2", BuildGraph(Architecture::Gpt2(2, 12, 18, 3, 13, 9))},
      {"opt", OptGraph(1, 8, 12, 2, 11, 7)},
      {"codegen", CodeGenGraph(1, 16, 12, 4, 2, 11, 7)},
      {"llama", LlamaGraph(2, 16, 12, 4, 2, 11, 7)},
      {"projected", ProjectedOptGraph(2, 12, 6, 10, 3, 11, 7)},
  };
  for (const auto& entry : kActivations.entries) {
    graphs.push_back({"activation_" + std::string(entry.name),
                      WithActivation(graphs.front().graph, entry.value)});
  }
  return graphs;
}

class VariantTest : public ::testing::TestWithParam<NamedGraph> {};

TEST_P(VariantTest, LogitsEqualTheReference) { ExpectLogitsOfReference(GetParam().graph, 5); }

// In float64, along one random direction in each tensor.
TEST_P(VariantTest, GradientsEqualCentralDifferences) {
  const Graph& graph = GetParam().graph;
  const std::int64_t batch = 2;
  const at::Tensor tokens = AsTensor(DrawTokens(graph, batch * (graph.max_seq_len + 1), 3), batch);
  const at::Tensor inputs = tokens.narrow(1, 0, graph.max_seq_len);
  const at::Tensor targets = tokens.narrow(1, 1, graph.max_seq_len).reshape(-1);
  std::vector<at::Tensor> weights;
  for (const at::Tensor& weight : DrawWeights(graph, 9)) {
    weights.push_back(weight.to(at::kDouble).requires_grad_(true));
  }
  Decoder decoder(graph);
  decoder.Loss(weights, inputs, targets, {}).backward();
  const at::NoGradGuard no_grad;
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    ASSERT_TRUE(weights[i].grad().defined()) << graph.tensors[i].name;
    const at::Tensor direction = DrawWeights(graph, 17)[i].to(at::kDouble);
    const auto loss_at = [&](double distance) {
      std::vector<at::Tensor> moved = weights;
      moved[i] = weights[i] + direction * distance;
      return decoder.Loss(moved, inputs, targets, {}).item<double>();
    };
    const double expected = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
    const double slope = (weights[i].grad() * direction).sum().item<double>();
    EXPECT_NEAR(slope, expected, 1e-6 + 1e-6 * std::abs(expected)) << graph.tensors[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(, VariantTest, ::testing::ValuesIn(AllVariants()),
                         [](const auto& test) { return test.param.name; });

TEST(DecoderTest, RefusesWhatItCannotTrainWithAReason) {
  const Graph xl = BuildGraph(Architecture({.backbone = "transfo-xl",
                                            .vocab_size = 50,
                                            .max_seq_len = 8,
                                            .d_model = 16,
                                            .layers = {{2, 2, 16}}}));
  const Availability supported = DecoderSupports(xl);
  EXPECT_FALSE(supported.ok);
  EXPECT_NE(supported.reason.find("Transformer-XL"), std::string::npos) << supported.reason;
}

}  // namespace
}  // namespace lts::torch_engine
