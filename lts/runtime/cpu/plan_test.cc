#include "lts/runtime/cpu/plan.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/registry.h"

namespace lts::cpu {
namespace {

// Hand-made graphs need no tensors: a plan looks at ops and values only.
class GraphOf {
 public:
  template <typename T>
  GraphOf& Then(T op, ValueId input, ValueId input2 = kNoValue) {
    graph_.ops.push_back({op, input, input2, graph_.n_values++});
    return *this;
  }
  Graph Done() const { return graph_; }

 private:
  Graph graph_;
};

Graph PreNormLayer() {  // GPT-2, OPT, Llama
  return GraphOf()
      .Then(EmbedOp{}, kNoValue)  // 0
      .Then(NormOp{}, 0)          // 1
      .Then(AttentionOp{}, 1)     // 2
      .Then(AddOp{}, 0, 2)        // 3
      .Then(NormOp{}, 3)          // 4
      .Then(FeedForwardOp{}, 4)   // 5
      .Then(AddOp{}, 5, 3)        // 6
      .Then(HeadOp{}, 6)
      .Done();
}

TEST(Plan, FusesResidualsAndNeedsTwoSlotsForAPreNormLayer) {
  const Graph graph = PreNormLayer();
  const Plan plan = MakePlan(graph);
  ASSERT_EQ(plan.steps.size(), 6U);
  EXPECT_EQ(plan.slots, 2);
  const std::int32_t x = plan.steps[0].output;
  for (const std::size_t block : {2U, 4U}) {
    EXPECT_EQ(plan.steps[block].residual, x);
    EXPECT_EQ(plan.steps[block].output, x);
    EXPECT_NE(plan.steps[block].input, x);
  }
  EXPECT_EQ(plan.steps[5].input, x);
}

TEST(Plan, FusesBothResidualsOfAParallelLayer) {  // CodeGen: x + attention(h) + feed_forward(h)
  const Graph graph = GraphOf()
                          .Then(EmbedOp{}, kNoValue)  // 0
                          .Then(NormOp{}, 0)          // 1
                          .Then(AttentionOp{}, 1)     // 2
                          .Then(FeedForwardOp{}, 1)   // 3
                          .Then(AddOp{}, 2, 3)        // 4
                          .Then(AddOp{}, 4, 0)        // 5
                          .Then(HeadOp{}, 5)
                          .Done();
  const Plan plan = MakePlan(graph);
  // attention + feed_forward is fused into the later block; its sum with x stays a step.
  ASSERT_EQ(plan.steps.size(), 6U);
  EXPECT_EQ(plan.steps[3].residual, plan.steps[2].output);
  EXPECT_TRUE(std::holds_alternative<AddOp>(plan.steps[4].op->attributes));
  EXPECT_NE(plan.steps[2].output, plan.steps[1].output)
      << "the feed-forward block still reads the norm's output";
}

TEST(Plan, KeepsASumWhoseBlockIsReadElsewhere) {
  const Graph graph = GraphOf()
                          .Then(EmbedOp{}, kNoValue)  // 0
                          .Then(FeedForwardOp{}, 0)   // 1
                          .Then(AddOp{}, 0, 1)        // 2
                          .Then(AddOp{}, 2, 1)        // 3: reads the block's own output
                          .Then(HeadOp{}, 3)
                          .Done();
  const Plan plan = MakePlan(graph);
  EXPECT_EQ(plan.steps.size(), 5U);
  EXPECT_EQ(plan.steps[1].residual, kNoSlot);
}

Graph GraphOf3Layers(std::string_view backbone) {
  return BuildGraph(Architecture({.backbone = std::string(backbone),
                                  .vocab_size = 50,
                                  .max_seq_len = 16,
                                  .d_model = 16,
                                  .layers = {3, LayerShape{4, 4, 32}}}));
}

TEST(Plan, FusesEveryResidualOfEveryBackboneIntoTwoSlots) {
  for (const Backbone* backbone : Backbones()) {
    if (!backbone->runs()) continue;
    const Graph graph = GraphOf3Layers(backbone->name);
    const Plan plan = MakePlan(graph);
    EXPECT_EQ(plan.slots, 2) << backbone->name;
    std::size_t blocks = 0;
    for (const PlanStep& step : plan.steps) {
      EXPECT_FALSE(std::holds_alternative<AddOp>(step.op->attributes)) << backbone->name;
      blocks += static_cast<std::size_t>(step.residual != kNoSlot);
    }
    EXPECT_EQ(blocks, 6U) << backbone->name;
  }
}

TEST(Plan, NeverOverwritesAValueThatIsReadLater) {
  std::vector<Graph> graphs{PreNormLayer()};
  for (const Backbone* backbone : Backbones()) graphs.push_back(GraphOf3Layers(backbone->name));
  for (const Graph& graph : graphs) {
    const Plan plan = MakePlan(graph);
    // Replays the plan: a slot holds the step that wrote it last; every read must find the value of
    // its op's input.
    std::vector<ValueId> held(static_cast<std::size_t>(plan.slots), kNoValue);
    for (const PlanStep& step : plan.steps) {
      if (step.input != kNoSlot) {
        EXPECT_EQ(held[static_cast<std::size_t>(step.input)], step.op->input);
      }
      if (step.output == kNoSlot) continue;
      ValueId written = step.op->output;
      if (step.residual != kNoSlot) {
        for (const Op& op : graph.ops) {
          if (std::holds_alternative<AddOp>(op.attributes) &&
              (op.input == written || op.input2 == written)) {
            EXPECT_EQ(held[static_cast<std::size_t>(step.residual)],
                      op.input == written ? op.input2 : op.input);
            written = op.output;
            break;
          }
        }
      }
      held[static_cast<std::size_t>(step.output)] = written;
    }
  }
}

TEST(Plan, MarksTheLastAttention) {
  const Graph graph = BuildGraph(Architecture::Gpt2(3, 16, 32, 2, 50, 16));
  const Plan plan = MakePlan(graph);
  for (const PlanStep& step : plan.steps) {
    const auto* attention = std::get_if<AttentionOp>(&step.op->attributes);
    EXPECT_EQ(step.last_attention, attention != nullptr && attention->layer == 2);
  }
}

TEST(Plan, MarksWhatOnlyProductsRead) {
  // Each layer: norm, attention, norm, feed-forward. The last attention's input is cut to its last
  // positions, and the head reads the last norm.
  const Graph sequential = BuildGraph(Architecture::Gpt2(2, 16, 32, 2, 50, 16));
  std::string marks;
  for (const PlanStep& step : MakePlan(sequential).steps) marks += step.feeds_products ? 'x' : '-';
  EXPECT_EQ(marks, "-xxxx--xx--");  // embed, two layers, norm, head

  // x + attention(h) + feed_forward(h): one norm for both blocks.
  marks.clear();
  for (const PlanStep& step : MakePlan(GraphOf3Layers("codegen")).steps)
    marks += step.feeds_products ? 'x' : '-';
  EXPECT_EQ(marks, "-xxxxxx-----");

  // A norm that is also a residual, and one that is written where it was read.
  const Graph shared = GraphOf()
                           .Then(EmbedOp{}, kNoValue)  // 0
                           .Then(NormOp{}, 0)          // 1
                           .Then(FeedForwardOp{}, 1)   // 2
                           .Then(AddOp{}, 1, 2)        // 3
                           .Then(AttentionOp{}, 3)     // 4
                           .Then(HeadOp{}, 4)
                           .Done();
  for (const PlanStep& step : MakePlan(shared).steps) EXPECT_FALSE(step.feeds_products);
}

TEST(Supports, EveryBackboneThatRuns) {
  for (const Backbone* backbone : Backbones()) {
    const Availability can = CpuSupports(GraphOf3Layers(backbone->name));
    EXPECT_EQ(can.ok, backbone->runs()) << backbone->name << ": " << can.reason;
  }
}

TEST(Supports, SaysWhatItDoesNotRun) {
  const auto reason = [](auto op) {
    const Availability can = CpuSupports(GraphOf().Then(op, kNoValue).Done());
    EXPECT_EQ(can.ok, can.reason.empty());
    return can.reason;
  };
  const auto rotary = [](std::int64_t dims) {
    return AttentionOp{
        .d_head = 8, .positions = PositionScheme::kRotaryInterleaved, .rotary_dims = dims};
  };
  EXPECT_EQ(reason(rotary(8)), "");
  for (const std::int64_t dims : {0, 3, 10}) {
    EXPECT_NE(reason(rotary(dims)).find("rotary positions of " + std::to_string(dims)),
              std::string::npos);
  }
  EXPECT_NE(reason(AttentionOp{.positions = PositionScheme::kRelativeXl}).find("relative"),
            std::string::npos);
  EXPECT_EQ(reason(FeedForwardOp{.gate_weight = 3}), "");
  EXPECT_NE(reason(EmbedOp{.clusters = {{}, {}}}).find("adaptive"), std::string::npos);
  EXPECT_NE(reason(EmbedOp{.clusters = {{.projection = 1}}}).find("projected"), std::string::npos);
  EXPECT_NE(reason(HeadOp{.clusters = {{}, {}}}).find("adaptive"), std::string::npos);
  EXPECT_EQ(reason(NormOp{.kind = NormKind::kRmsNorm}), "");
}

}  // namespace
}  // namespace lts::cpu
