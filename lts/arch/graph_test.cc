#include "lts/arch/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/count.h"
#include "lts/arch/other_decoders.h"
#include "lts/arch/registry.h"
#include "lts/base/error.h"

namespace lts {
namespace {

using testing::HasSubstr;

Graph SmallGraph() { return BuildGraph(Architecture::Gpt2(2, 32, 48, 4, 100, 16)); }

template <typename Attributes>
Attributes& Find(Graph& graph) {
  for (Op& op : graph.ops) {
    if (auto* attributes = std::get_if<Attributes>(&op.attributes)) return *attributes;
  }
  throw std::logic_error("no such op");
}

TEST(Registry, EveryBackboneBuildsAValidGraph) {
  for (const Backbone* backbone : Backbones()) {
    ArchitectureFields fields;
    fields.backbone = backbone->name;
    fields.d_model = 64;
    fields.layers = {{4, 4, 128}, {8, 8, 96}, {16, 16, 1}};
    const Architecture architecture(fields);
    const Graph graph = BuildGraph(architecture);
    ValidateGraph(graph);
    EXPECT_EQ(graph.n_layer, 3);
    EXPECT_EQ(graph.d_model, 64);
    EXPECT_EQ(graph.vocab_size, architecture.vocab_size());
    EXPECT_EQ(graph.max_seq_len, architecture.max_seq_len());
    EXPECT_EQ(&FindBackbone(backbone->name), backbone);
    EXPECT_FALSE(backbone->summary.empty());
    EXPECT_FALSE(backbone->arch_types.empty());
  }
}

TEST(Registry, SuggestsTheNearestBackbone) {
  try {
    FindBackbone("gtp2");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'gpt2'"));
  }
}

TEST(Gpt2Graph, IsPreNormWithResidualsAndATiedHead) {
  const Graph graph = SmallGraph();
  std::string order;
  for (const Op& op : graph.ops) order += "ENAF+H"[op.attributes.index()];
  EXPECT_EQ(order, "ENA+NF+NA+NF+NH");

  // The first block: x + attention(norm(x)).
  EXPECT_EQ(graph.ops[1].input, graph.ops[0].output);
  EXPECT_EQ(graph.ops[2].input, graph.ops[1].output);
  EXPECT_EQ(graph.ops[3].input, graph.ops[0].output);
  EXPECT_EQ(graph.ops[3].input2, graph.ops[2].output);

  const auto& embed = std::get<EmbedOp>(graph.ops.front().attributes);
  const auto& head = std::get<HeadOp>(graph.ops.back().attributes);
  EXPECT_EQ(head.clusters.front().table, embed.clusters.front().table);
  EXPECT_EQ(head.bias, kNoTensor);
}

TEST(Gpt2Graph, GivesEachLayerItsOwnShape) {
  ArchitectureFields fields;
  fields.d_model = 32;
  fields.layers = {{2, 2, 48}, {8, 8, 64}};
  const Graph graph = BuildGraph(Architecture(fields));
  std::vector<AttentionOp> attention;
  std::vector<FeedForwardOp> feed_forward;
  for (const Op& op : graph.ops) {
    if (const auto* a = std::get_if<AttentionOp>(&op.attributes)) attention.push_back(*a);
    if (const auto* f = std::get_if<FeedForwardOp>(&op.attributes)) feed_forward.push_back(*f);
  }
  ASSERT_EQ(attention.size(), 2);
  EXPECT_EQ(attention[0].d_head, 16);
  EXPECT_EQ(attention[1].d_head, 4);
  EXPECT_FLOAT_EQ(attention[0].scale, 0.25F);
  EXPECT_FLOAT_EQ(attention[1].scale, 0.5F);
  EXPECT_EQ(feed_forward[0].d_inner, 48);
  EXPECT_EQ(feed_forward[1].d_inner, 64);
  EXPECT_EQ(feed_forward[0].activation, Activation::kGeluTanh);
}

TEST(Gpt2Graph, DrawsWeightsAsRadfordDoes) {
  for (const TensorSpec& tensor : SmallGraph().tensors) {
    if (tensor.name.find("out.weight") != std::string::npos ||
        tensor.name.find("down.weight") != std::string::npos) {
      EXPECT_FLOAT_EQ(tensor.init.std, 0.01F) << tensor.name;  // 0.02 / sqrt(2 * 2 layers)
    } else if (tensor.shape.size() == 2) {
      EXPECT_FLOAT_EQ(tensor.init.std, 0.02F) << tensor.name;
    } else if (tensor.name.find("gain") != std::string::npos) {
      EXPECT_EQ(tensor.init.kind, TensorInit::Kind::kOne) << tensor.name;
    } else {
      EXPECT_EQ(tensor.init.kind, TensorInit::Kind::kZero) << tensor.name;
    }
  }
}

// Weights are drawn by index and goldens lie in this order, on every compiler.
TEST(Gpt2Graph, KeepsTheOrderOfItsTensors) {
  const Graph graph = BuildGraph(Architecture::Gpt2(1, 32, 48, 4, 100, 16));
  std::vector<std::string> names;
  for (const TensorSpec& tensor : graph.tensors) names.push_back(tensor.name);
  EXPECT_THAT(names, testing::ElementsAre(
                         "embedding.tokens", "embedding.positions", "layers.0.attention_norm.gain",
                         "layers.0.attention_norm.bias", "layers.0.attention.qkv.weight",
                         "layers.0.attention.qkv.bias", "layers.0.attention.out.weight",
                         "layers.0.attention.out.bias", "layers.0.feed_forward_norm.gain",
                         "layers.0.feed_forward_norm.bias", "layers.0.feed_forward.up.weight",
                         "layers.0.feed_forward.up.bias", "layers.0.feed_forward.down.weight",
                         "layers.0.feed_forward.down.bias", "final_norm.gain", "final_norm.bias"));
}

TEST(TensorShape, HoldsOneOrTwoExtents) {
  const TensorShape shape{3, 4};
  EXPECT_THAT(shape, testing::ElementsAre(3, 4));
  EXPECT_EQ(shape.size(), 2);
  EXPECT_NE(shape, TensorShape({3}));
  EXPECT_NE(TensorShape({3}), TensorShape({3, 0}));
  EXPECT_EQ(TensorSpec({.name = "w", .shape = {3, 4}}).count(), 12);
  EXPECT_THROW(TensorSpec({.name = "w", .shape = {INT64_MAX, 2}}).count(), Error);
}

TEST(ValidateGraph, AcceptsEveryDecoderThatTheOpsAreMeantFor) {
  ValidateGraph(OptGraph(2, 64, 128, 4, 100, 32));
  ValidateGraph(ProjectedOptGraph(2, 64, 16, 128, 4, 100, 32));
  ValidateGraph(CodeGenGraph(2, 64, 256, 4, 8, 100, 32));
  ValidateGraph(LlamaGraph(2, 64, 176, 8, 2, 100, 32));
}

Graph TransformerXl(const AdaptiveVocabulary& adaptive, bool tied_head = true) {
  return BuildGraph(
      Architecture({.backbone = "transfo-xl",
                    .vocab_size = 100,
                    .max_seq_len = 32,
                    .d_model = 64,
                    .layers = {{2, 2, 128}, {8, 8, 48}},
                    .settings = DecoderSettings{
                        .tied_head = tied_head, .memory_tokens = 16, .adaptive = adaptive}}));
}

const AdaptiveVocabulary kThreeClusters{
    .d_embed = 32, .div_val = 4, .cutoffs = {20, 60}, .tied_projections = true};

TEST(TransfoXlGraph, IsPostNormWithRelativePositions) {
  Graph graph = TransformerXl(kThreeClusters);
  ValidateGraph(graph);
  std::string order;
  for (const Op& op : graph.ops) order += "ENAF+H"[op.attributes.index()];
  EXPECT_EQ(order, "EA+NF+NA+NF+NH");

  // The first block: norm(x + attention(x)).
  EXPECT_EQ(graph.ops[1].input, graph.ops[0].output);
  EXPECT_EQ(graph.ops[2].input, graph.ops[0].output);
  EXPECT_EQ(graph.ops[2].input2, graph.ops[1].output);
  EXPECT_EQ(graph.ops[3].input, graph.ops[2].output);

  const auto& attention = Find<AttentionOp>(graph);
  EXPECT_EQ(attention.positions, PositionScheme::kRelativeXl);
  EXPECT_EQ(attention.memory_tokens, 16);
  EXPECT_EQ(attention.d_head, 32);
  EXPECT_EQ(attention.qkv_bias, kNoTensor);
  EXPECT_EQ(Find<FeedForwardOp>(graph).activation, Activation::kRelu);
}

TEST(AdaptiveVocabulary, NarrowsEachClusterAndSharesWhatIsTied) {
  Graph graph = TransformerXl(kThreeClusters);
  const auto& embed = Find<EmbedOp>(graph);
  const auto& head = Find<HeadOp>(graph);
  EXPECT_EQ(embed.scale, 8.0F);  // sqrt(64)
  ASSERT_EQ(embed.clusters.size(), 3);
  ASSERT_EQ(head.clusters.size(), 3);
  const std::vector<std::int64_t> counts{20, 40, 40};
  const std::vector<std::int64_t> widths{32, 8, 2};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(embed.clusters[i].count, counts[i]);
    EXPECT_EQ(embed.clusters[i].d_embed, widths[i]);
    EXPECT_EQ(head.clusters[i].table, embed.clusters[i].table);
    EXPECT_EQ(head.clusters[i].projection == embed.clusters[i].projection, i > 0);
  }
  EXPECT_NE(head.bias, kNoTensor);
  EXPECT_NE(head.cluster_rows, kNoTensor);
}

// Decoder parameters do not depend on the vocabulary; what embedding and head hold, term by term.
TEST(AdaptiveVocabulary, HoldsTheParametersOfItsFormula) {
  struct Case {
    AdaptiveVocabulary adaptive;
    bool tied_head;
    std::int64_t embedding, head;
  };
  const std::int64_t d = 64, tables = 20 * 32 + 40 * 8 + 40 * 2, rows = 2 * 32 + 2 + 100;
  for (const Case& c : std::vector<Case>{
           {kThreeClusters, true, tables + d * (32 + 8 + 2), rows + d * 32},
           {{32, 4, {20, 60}, false}, true, tables + d * (32 + 8 + 2), rows + d * (32 + 8 + 2)},
           {kThreeClusters, false, tables + d * (32 + 8 + 2), rows + d * 32 + tables},
           {{32, 1, {20, 60}, true}, true, 100 * 32 + d * 32, rows + d * 32},
           {{32, 1, {20, 60}, false}, true, 100 * 32 + d * 32, rows + 3 * d * 32},
           {{64, 1, {20, 60}, false}, true, 100 * 64, 2 * 64 + 2 + 100},
           {{64, 4, {}, false}, true, 100 * 64 + d * 64, 100 + d * 64},  // projected all the same
           {{64, 1, {}, false}, true, 100 * 64, 100}}) {
    const Graph graph = TransformerXl(c.adaptive, c.tied_head);
    ValidateGraph(graph);
    const ParameterCounts counts = CountParameters(graph);
    EXPECT_EQ(counts.decoder(), 2 * (5 * d * d + 7 * d) + (2 * d + 1) * (128 + 48));
    EXPECT_EQ(counts.embedding(), c.embedding);
    EXPECT_EQ(counts.head, c.head);
  }
}

TEST(AdaptiveVocabulary, TakesThePlaceOfGpt2sTable) {
  ArchitectureFields fields = Architecture::Gpt2(2, 64, 96, 4, 100, 16).fields();
  const ParameterCounts plain = CountParameters(BuildGraph(Architecture(fields)));
  fields.settings->adaptive = kThreeClusters;
  Graph graph = BuildGraph(Architecture(fields));
  ValidateGraph(graph);
  const ParameterCounts counts = CountParameters(graph);
  EXPECT_EQ(counts.decoder(), plain.decoder());
  EXPECT_EQ(counts.position_embedding, 16 * 64);
  EXPECT_EQ(counts.token_embedding, 20 * 32 + 40 * 8 + 40 * 2 + 64 * (32 + 8 + 2));
  EXPECT_EQ(Find<EmbedOp>(graph).scale, 8.0F);
}

struct Defect {
  std::string name;
  std::function<void(Graph&)> cause;
};
void PrintTo(const Defect& defect, std::ostream* out) { *out << defect.name; }

class ValidateGraphDeathTest : public testing::TestWithParam<Defect> {};

TEST_P(ValidateGraphDeathTest, Finds) {
  Graph graph = SmallGraph();
  ValidateGraph(graph);
  GetParam().cause(graph);
  EXPECT_DEATH(ValidateGraph(graph), "validate.cc");
}

INSTANTIATE_TEST_SUITE_P(
    Defects, ValidateGraphDeathTest,
    testing::Values(
        Defect{"ValueUsedBeforeItIsWritten", [](Graph& g) { g.ops[1].input = g.ops[2].output; }},
        Defect{"ValueWrittenTwice", [](Graph& g) { g.ops[2].output = g.ops[1].output; }},
        Defect{"ValueNeverWritten", [](Graph& g) { ++g.n_values; }},
        Defect{"ValueOutOfRange", [](Graph& g) { g.ops.back().output = 1000; }},
        Defect{"SecondInputOfANorm", [](Graph& g) { g.ops[1].input2 = 0; }},
        Defect{"AddWithOneInput", [](Graph& g) { g.ops[3].input2 = kNoValue; }},
        Defect{"EmbeddingWithAnInput", [](Graph& g) { g.ops[0].input = 0; }},
        Defect{"NoHead", [](Graph& g) { g.ops.pop_back(); }},
        Defect{"TensorOutOfRange", [](Graph& g) { Find<NormOp>(g).gain = 1000; }},
        Defect{"TensorMissing", [](Graph& g) { Find<FeedForwardOp>(g).up_weight = kNoTensor; }},
        Defect{"TensorUnused", [](Graph& g) { Find<AttentionOp>(g).qkv_bias = kNoTensor; }},
        Defect{"TensorNamedTwice", [](Graph& g) { g.tensors[1].name = g.tensors[0].name; }},
        Defect{
            "TensorOfTheWrongShape",
            [](Graph& g) {
              g.tensors[static_cast<std::size_t>(Find<AttentionOp>(g).out_weight)].shape = {32, 33};
            }},
        Defect{"TensorOfTheWrongRole",
               [](Graph& g) { g.tensors[2].role = TensorRole::kAttention; }},
        Defect{"NormalTensorWithoutStd", [](Graph& g) { g.tensors[0].init.std = 0; }},
        Defect{"InnerWidth", [](Graph& g) { Find<FeedForwardOp>(g).d_inner = 49; }},
        Defect{"LayerNumber", [](Graph& g) { Find<AttentionOp>(g).layer = 1; }},
        Defect{"LayerCount", [](Graph& g) { g.n_layer = 3; }},
        Defect{"HeadsThatDoNotShareKeys", [](Graph& g) { Find<AttentionOp>(g).n_kv_head = 3; }},
        Defect{"RotaryWithoutDims",
               [](Graph& g) { Find<AttentionOp>(g).positions = PositionScheme::kRotaryHalves; }},
        Defect{"MemoryWithoutRelativePositions",
               [](Graph& g) { Find<AttentionOp>(g).memory_tokens = 4; }},
        Defect{"ClustersThatMissWords",
               [](Graph& g) { Find<EmbedOp>(g).clusters.front().count = 99; }},
        Defect{"PositionOffset", [](Graph& g) { Find<EmbedOp>(g).position_offset = 2; }},
        Defect{"MaxSeqLen", [](Graph& g) { g.max_seq_len = 17; }}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace lts
