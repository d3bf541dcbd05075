#include "lts/export/onnx_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "lts/arch/other_decoders.h"
#include "lts/export/onnx_proto.h"

namespace lts {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

Architecture Unequal(std::int64_t d_model, std::vector<LayerShape> layers, std::int64_t vocab_size,
                     std::int64_t max_seq_len) {
  ArchitectureFields fields;
  fields.d_model = d_model;
  fields.layers = std::move(layers);
  fields.vocab_size = vocab_size;
  fields.max_seq_len = max_seq_len;
  return Architecture(std::move(fields));
}

Graph UnequalGpt2() {
  return BuildGraph(Unequal(64, {{4, 4, 96}, {2, 2, 200}, {8, 8, 64}}, 120, 40));
}

std::vector<Graph> Decoders() {
  return {UnequalGpt2(),
          BuildGraph(Architecture::Gpt2(2, 60, 100, 3, 90, 32)),  // d_head 20
          OptGraph(2, 64, 128, 4, 100, 48),
          ProjectedOptGraph(2, 64, 32, 128, 4, 100, 48),
          CodeGenGraph(2, 64, 256, 4, 8, 100, 48),
          LlamaGraph(2, 64, 96, 4, 2, 100, 48)};
}

std::vector<OnnxOptions> AllOptions() {
  std::vector<OnnxOptions> all;
  for (const OnnxDType dtype : {OnnxDType::kFloat32, OnnxDType::kFloat16, OnnxDType::kInt8}) {
    for (const bool fused : {false, true}) {
      for (const bool all_logits : {false, true}) {
        for (const bool shared : {false, true}) {
          all.push_back({dtype, fused, all_logits, shared});
        }
      }
    }
  }
  return all;
}

std::set<std::string> Names(const std::vector<OnnxValue>& values) {
  std::set<std::string> names;
  for (const OnnxValue& value : values) names.insert(value.name);
  return names;
}

std::int64_t CountOp(const OnnxProgram& program, const std::string& op) {
  return std::count_if(program.nodes.begin(), program.nodes.end(),
                       [&](const OnnxNode& node) { return node.op == op; });
}

TEST(BuildOnnxProgram, PassesOnnxsOwnChecksForEveryDecoderAndOption) {
  int checked = 0;
  for (const Graph& graph : Decoders()) {
    for (const OnnxOptions& options : AllOptions()) {
      if (!SupportsOnnx(graph, options).ok) continue;
      EXPECT_NO_THROW(CheckOnnx(BuildOnnxProgram(graph, options)));
      ++checked;
    }
  }
  // All but the shared caches: plain ones (6 x 6) and those of a head width of 20 (6).
  EXPECT_EQ(checked, 6 * 24 - 6 * 6 - 6);
}

TEST(BuildOnnxProgram, HasOptimumsInputsAndOutputs) {
  const OnnxProgram program = BuildOnnxProgram(UnequalGpt2(), {});
  EXPECT_EQ(Names(program.inputs),
            (std::set<std::string>{"input_ids", "past_key_values.0.key", "past_key_values.0.value",
                                   "past_key_values.1.key", "past_key_values.1.value",
                                   "past_key_values.2.key", "past_key_values.2.value"}));
  EXPECT_EQ(Names(program.outputs),
            (std::set<std::string>{"logits", "present.0.key", "present.0.value", "present.1.key",
                                   "present.1.value", "present.2.key", "present.2.value"}));
  const OnnxValue& key = program.inputs[3];  // of layer 1: 2 heads of 32
  EXPECT_EQ(key.name, "past_key_values.1.key");
  EXPECT_EQ(std::get<std::int64_t>(key.shape[1]), 2);
  EXPECT_EQ(std::get<std::int64_t>(key.shape[3]), 32);
}

TEST(BuildOnnxProgram, PlainVariantUsesStandardOperatorsOnly) {
  for (const Graph& graph : Decoders()) {
    const OnnxProgram program = BuildOnnxProgram(graph, {});
    EXPECT_FALSE(program.uses_ort_domain);
    for (const OnnxNode& node : program.nodes) EXPECT_EQ(node.domain, "") << node.op;
  }
}

TEST(BuildOnnxProgram, FusedVariantUsesOnnxRuntimesOperators) {
  const OnnxProgram program = BuildOnnxProgram(UnequalGpt2(), {.fused = true});
  EXPECT_EQ(CountOp(program, "GroupQueryAttention"), 3);
  EXPECT_EQ(CountOp(program, "FastGelu"), 3);
  EXPECT_EQ(CountOp(program, "SkipLayerNormalization"), 0);  // slower than its two parts
  EXPECT_EQ(CountOp(program, "LayerNormalization"), 7);
  EXPECT_EQ(CountOp(program, "Softmax"), 0);
}

TEST(BuildOnnxProgram, FallsBackWhereAFusedOperatorsConditionsDoNotHold) {
  const Graph graph = BuildGraph(Unequal(60, {{3, 3, 100}, {5, 5, 100}}, 90, 32));
  // 60 / 3 = 20 and 60 / 5 = 12: neither a multiple of 8.
  const OnnxProgram program = BuildOnnxProgram(graph, {.fused = true});
  EXPECT_EQ(CountOp(program, "GroupQueryAttention"), 0);
  EXPECT_EQ(CountOp(program, "Softmax"), 2);
  const Availability shared = SupportsOnnx(graph, {.fused = true, .shared_cache = true});
  EXPECT_FALSE(shared.ok);
  EXPECT_THAT(shared.reason, HasSubstr("layer 0: got d_head = 20"));
}

// From 18 on the axes of a mean are an input; nothing else of what is written here changed.
TEST(BuildOnnxProgram, NewerOpsetsDifferInMeansAlone) {
  for (const Graph& graph : Decoders()) {
    const OnnxProgram first = BuildOnnxProgram(graph, {});
    const OnnxProgram last = BuildOnnxProgram(graph, {.opset = kLastOnnxOpset});
    EXPECT_EQ(first.opset, kFirstOnnxOpset);
    EXPECT_EQ(last.opset, kLastOnnxOpset);
    ASSERT_EQ(last.nodes.size(), first.nodes.size());
    for (std::size_t i = 0; i < last.nodes.size(); ++i) {
      EXPECT_EQ(last.nodes[i].op, first.nodes[i].op);
      if (last.nodes[i].op == "ReduceMean") {
        EXPECT_EQ(first.nodes[i].inputs.size(), 1U);
        EXPECT_EQ(first.nodes[i].attributes.size(), 1U);
        EXPECT_EQ(last.nodes[i].inputs.size(), 2U);
        EXPECT_EQ(last.nodes[i].attributes.size(), 0U);
      } else {
        EXPECT_EQ(last.nodes[i].inputs.size(), first.nodes[i].inputs.size());
        EXPECT_EQ(last.nodes[i].attributes.size(), first.nodes[i].attributes.size());
      }
    }
  }
  const OnnxProgram llama =
      BuildOnnxProgram(LlamaGraph(2, 64, 96, 4, 2, 100, 48), {.opset = kLastOnnxOpset});
  EXPECT_EQ(CountOp(llama, "ReduceMean"), 5);
}

TEST(SupportsOnnx, RefusesAnOpsetOutsideItsRange) {
  for (const int opset : {-1, 16, kLastOnnxOpset + 1}) {
    const Availability can = SupportsOnnx(UnequalGpt2(), {.opset = opset});
    EXPECT_FALSE(can.ok);
    EXPECT_EQ(can.reason,
              "ONNX export: got opset " + std::to_string(opset) + ", expected 17 to 26");
  }
}

TEST(BuildOnnxProgram, StoresATiedTableOnce) {
  for (const OnnxDType dtype : {OnnxDType::kFloat32, OnnxDType::kFloat16, OnnxDType::kInt8}) {
    const Graph graph = UnequalGpt2();
    const OnnxProgram program = BuildOnnxProgram(graph, {.dtype = dtype});
    std::int64_t tables = 0;
    for (const OnnxInitializer& weight : program.weights) {
      const TensorRole role = graph.tensors[static_cast<std::size_t>(weight.tensor)].role;
      tables += role == TensorRole::kTokenEmbedding &&
                weight.content != OnnxInitializer::Content::kScales;
    }
    EXPECT_EQ(tables, 1);
  }
}

TEST(BuildOnnxProgram, UsesEveryTensorOfTheGraph) {
  for (const Graph& graph : Decoders()) {
    std::set<TensorId> used;
    for (const OnnxInitializer& weight : BuildOnnxProgram(graph, {}).weights) {
      used.insert(weight.tensor);
    }
    EXPECT_EQ(used.size(), graph.tensors.size());
  }
}

TEST(SupportsOnnx, RefusesWhatItCannotWriteWithAReason) {
  ArchitectureFields fields = Architecture::Gpt2(1, 32, 64, 2, 200, 32).fields();
  fields.settings->adaptive = AdaptiveVocabulary{.div_val = 2, .cutoffs = {50, 100}};
  const Graph adaptive = BuildGraph(Architecture(fields));
  EXPECT_THAT(SupportsOnnx(adaptive, {}).reason, HasSubstr("adaptive"));
  EXPECT_THROW(BuildOnnxProgram(adaptive, {}), Error);
  EXPECT_FALSE(SupportsOnnx(UnequalGpt2(), {.shared_cache = true}).ok);
}

}  // namespace
}  // namespace lts
