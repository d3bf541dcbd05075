#include "lts/runtime/reference/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <variant>

#include "lts/runtime/reference/interpreter.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

Architecture Small(std::int64_t n_layer = 2) {
  return Architecture::Gpt2(n_layer, 8, 20, 2, /*vocab_size=*/11, /*max_seq_len=*/16);
}

std::unique_ptr<LoadedModel> Load(const Architecture& architecture) {
  return kReferenceRuntime.create({})->Load(RandomModel(architecture, 1, true));
}

// The graph of Small() with one attribute of every op of a kind changed.
template <typename AnyOp, typename Change>
Graph Changed(const Change& change) {
  Graph graph = BuildGraph(Small());
  for (Op& node : graph.ops) {
    if (auto* op = std::get_if<AnyOp>(&node.attributes)) change(*op);
  }
  return graph;
}

std::string WhyNot(const Graph& graph) {
  const Availability can = kReferenceRuntime.create({})->Supports(graph);
  EXPECT_EQ(can.ok, can.reason.empty());
  return can.reason;
}

TEST(Reference, SupportsGpt2AndRotaryPositions) {
  EXPECT_EQ(WhyNot(BuildGraph(Small())), "");
  EXPECT_EQ(WhyNot(Changed<AttentionOp>([](AttentionOp& op) {
              op.positions = PositionScheme::kRotaryInterleaved;
              op.rotary_dims = 4;
            })),
            "");
}

TEST(Reference, SaysWhatItDoesNotInterpret) {
  EXPECT_THAT(WhyNot(Changed<AttentionOp>(
                  [](AttentionOp& op) { op.positions = PositionScheme::kRelativeXl; })),
              HasSubstr("relative positions (Transformer-XL)"));
  EXPECT_THAT(WhyNot(Changed<AttentionOp>([](AttentionOp& op) {
                op.positions = PositionScheme::kRotaryHalves;
                op.rotary_dims = 6;
              })),
              HasSubstr("rotary positions of 6 dimensions in heads of 4"));
  EXPECT_THAT(WhyNot(Changed<EmbedOp>([](EmbedOp& op) { op.clusters.push_back(op.clusters[0]); })),
              HasSubstr("adaptive embeddings of 2 clusters"));
  EXPECT_THAT(WhyNot(Changed<HeadOp>([](HeadOp& op) { op.clusters.push_back(op.clusters[0]); })),
              HasSubstr("adaptive softmax of 2 clusters"));
}

TEST(Reference, RefusesOtherDtypesThanFloat32) {
  try {
    kReferenceRuntime.create({.dtype = DType::kInt8});
    FAIL() << "created";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("no dtype 'int8'"));
  }
}

TEST(Reference, RefusesASessionThatCannotFitBeforeAllocating) {
  const auto model = Load(Small());
  try {
    model->NewSession({.batch = std::int64_t{1} << 48, .max_tokens = 16});
    FAIL() << "created";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.what(), HasSubstr("reference runtime"));
  }
}

TEST(Reference, AccountsForItsMemory) {
  const auto session = Load(Small(2))->NewSession({.batch = 3, .max_tokens = 10});
  const MemoryAccount memory = session->memory();
  EXPECT_EQ(memory.weights, Model(Small(2)).weight_bytes());
  EXPECT_EQ(memory.kv_cache, 2 * 2 * 3 * 10 * 8 * 4);  // K and V, layers, batch, tokens, d_model
  EXPECT_GT(memory.workspace, 0);
  EXPECT_EQ(memory.total(), memory.weights + memory.kv_cache + memory.workspace);
}

TEST(Reference, SharesTheMemoryOfHiddenValuesOverTime) {
  const SessionOptions options{.max_tokens = 16, .max_step_tokens = 16};
  EXPECT_EQ(Load(Small(1))->NewSession(options)->memory().workspace,
            Load(Small(9))->NewSession(options)->memory().workspace);
}

TEST(Reference, SessionsMayOutliveTheirModel) {
  auto model = Load(Small());
  const auto first = model->NewSession({.max_tokens = 4});
  const auto second = model->NewSession({.max_tokens = 4});
  std::vector<float> before(11);
  std::vector<float> after(11);
  const std::vector<std::int32_t> tokens{7};
  first->Step(tokens, Logits::kLast, before);
  model.reset();
  second->Step(tokens, Logits::kLast, after);
  EXPECT_EQ(before, after);
}

TEST(Reference, PreparesOnlyStepsThatMayCome) {
  const auto session = Load(Small())->NewSession({.max_tokens = 8, .max_step_tokens = 4});
  session->Prepare(4);
  EXPECT_THROW(session->Prepare(5), Error);
  EXPECT_THROW(session->Prepare(0), Error);
}

// A factorised embedding (d_embed < d_model, OPT-350m) equals the plain one whose table is the
// product.
TEST(Reference, ProjectsFactorisedEmbeddings) {
  using reference::BoundGraph;
  using reference::Interpreter;
  const std::vector<float> narrow{1, 2, 3};                  // [3, 1]
  const std::vector<float> projection{0.5F, -1};             // [1, 2]
  const std::vector<float> wide{0.5F, -1, 1, -2, 1.5F, -3};  // [3, 2]
  const auto run = [](const VocabCluster& cluster, std::vector<std::span<const float>> tensors) {
    auto bound = std::make_shared<BoundGraph>();
    bound->graph.d_model = 2;
    bound->graph.vocab_size = 3;
    bound->graph.max_seq_len = 1;
    bound->graph.n_values = 2;
    bound->graph.ops = {{.attributes = EmbedOp{.clusters = {cluster}, .scale = 2}, .output = 0},
                        {.attributes = HeadOp{.clusters = {cluster}}, .input = 0, .output = 1}};
    bound->tensors = std::move(tensors);
    Interpreter session(bound, {});
    std::vector<float> logits(3);
    session.Step(std::vector<std::int32_t>{2}, Logits::kLast, logits);
    return logits;
  };
  const auto expected = run({.count = 3, .d_embed = 2, .table = 0}, {wide});
  EXPECT_EQ(run({.count = 3, .d_embed = 1, .table = 0, .projection = 1}, {narrow, projection}),
            expected);
  EXPECT_EQ(expected, (std::vector<float>{7.5F, 15, 22.5F}));
}

}  // namespace
}  // namespace lts
