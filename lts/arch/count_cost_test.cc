// FLOPs against a decoder that is really run, on numbers that count their own operations; bytes
// against hand counts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/count.h"
#include "lts/arch/other_decoders.h"
#include "lts/base/error.h"

namespace lts {
namespace {

std::int64_t operations = 0;

// A number that counts what is done to it. Its value is not looked at, except by Max.
struct Counted {
  float value = 0.5F;
};
Counted Count(float value) {
  ++operations;
  return {value};
}
Counted operator+(Counted a, Counted b) { return Count(a.value + b.value); }
Counted operator-(Counted a, Counted b) { return Count(a.value - b.value); }
Counted operator*(Counted a, Counted b) { return Count(a.value * b.value); }
Counted operator/(Counted a, Counted b) { return Count(a.value / b.value); }
Counted Function(Counted a) { return Count(a.value); }  // exp, tanh, erf, a maximum

using Row = std::vector<Counted>;
using Rows = std::vector<Row>;

constexpr Counted kConstant{0.25F};

Row Linear(const Row& x, std::int64_t out, bool bias) {
  Row y(static_cast<std::size_t>(out), Counted{0});
  for (Counted& sum : y) {
    for (const Counted& value : x) sum = sum + value * kConstant;
    if (bias) sum = sum + kConstant;
  }
  return y;
}

Row Sum(Row x, const Row& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = x[i] + y[i];
  return x;
}

Counted Dot(const Counted* a, const Counted* b, std::int64_t n) {
  Counted sum{0};
  for (std::int64_t i = 0; i < n; ++i) sum = sum + a[i] * b[i];
  return sum;
}

// Subtracting the logarithm of the sum costs what dividing by the sum costs.
void Softmax(Row& x) {
  Counted max{-1};
  for (const Counted& value : x) max = Function(value);
  Counted sum{0};
  for (Counted& value : x) {
    value = Function(value - max);
    sum = sum + value;
  }
  for (Counted& value : x) value = value / sum;
}

Counted Activate(Activation activation, Counted x) {
  switch (activation) {
    case Activation::kGeluTanh:
      return x * kConstant * (Function((x + x * x * x * kConstant) * kConstant) + kConstant);
    case Activation::kGeluErf:
      return x * kConstant * (Function(x * kConstant) + kConstant);
    case Activation::kRelu:
      return Function(x);
    case Activation::kReluSquared: {
      const Counted y = Function(x);
      return y * y;
    }
    case Activation::kSilu:
      return x / (Function(Function(x)) + kConstant);
  }
  return x;
}

// Runs a graph the slow, obvious way. One layer's cache holds one row of keys (their number is all
// that counts).
class CountingDecoder {
 public:
  CountingDecoder(const Graph& graph, std::int64_t batch)
      : graph_(graph), batch_(batch), cached_(static_cast<std::size_t>(graph.n_layer)) {}

  std::int64_t Step(std::int64_t new_tokens, std::int64_t logit_tokens) {
    operations = 0;
    rows_ = batch_ * new_tokens;
    new_tokens_ = new_tokens;
    logit_rows_ = batch_ * logit_tokens;
    std::vector<Rows> values(static_cast<std::size_t>(graph_.n_values));
    for (const Op& op : graph_.ops) {
      const auto value = [&values](ValueId id) -> Rows& {
        return values[static_cast<std::size_t>(id)];
      };
      if (op.input != kNoValue) input_ = &value(op.input);
      if (op.input2 != kNoValue) input2_ = &value(op.input2);
      value(op.output) = std::visit([this](const auto& a) { return Run(a); }, op.attributes);
    }
    return operations;
  }

 private:
  template <typename Function>
  Rows ForEach(std::int64_t rows, const Function& function) {
    Rows result;
    for (std::int64_t i = 0; i < rows; ++i) result.push_back(function(static_cast<std::size_t>(i)));
    return result;
  }

  Rows Run(const EmbedOp& op) {
    return ForEach(rows_, [&](std::size_t) {
      // All words come from the cluster that costs most; the widest, where any is projected.
      const VocabCluster& cluster = op.clusters.front();
      Row x(static_cast<std::size_t>(cluster.d_embed));
      if (cluster.projection != kNoTensor) x = Linear(x, graph_.d_model, false);
      if (op.scale != 1.0F) {
        for (Counted& value : x) value = value * kConstant;
      }
      if (op.positions != kNoTensor) x = Sum(x, Row(x.size()));
      return x;
    });
  }

  Rows Run(const NormOp& op) {
    return ForEach(rows_, [&](std::size_t i) {
      Row x = (*input_)[i];
      Counted sum{0};
      if (op.kind == NormKind::kLayerNorm) {
        for (const Counted& value : x) sum = sum + value;
        for (Counted& value : x) value = value - sum;  // the division of the sum is not counted
      }
      Counted squares{0};
      for (const Counted& value : x) squares = squares + value * value;
      for (Counted& value : x) {
        value = value * squares * kConstant;
        if (op.bias != kNoTensor) value = value + kConstant;
      }
      return x;
    });
  }

  void Rotate(Row& heads, std::int64_t n, const AttentionOp& op) {
    if (op.positions != PositionScheme::kRotaryHalves &&
        op.positions != PositionScheme::kRotaryInterleaved) {
      return;
    }
    for (std::int64_t h = 0; h < n; ++h) {
      for (std::int64_t i = 0; i < op.rotary_dims; i += 2) {
        Counted& a = heads[static_cast<std::size_t>(h * op.d_head + i)];
        Counted& b = heads[static_cast<std::size_t>(h * op.d_head + i + 1)];
        const Counted rotated = a * kConstant - b * kConstant;
        b = b * kConstant + a * kConstant;
        a = rotated;
      }
    }
  }

  Rows Run(const AttentionOp& op) {
    const bool relative = op.positions == PositionScheme::kRelativeXl;
    const std::int64_t width = op.n_head * op.d_head;
    const std::int64_t kv_width = op.n_kv_head * op.d_head;
    std::int64_t& cached = cached_[static_cast<std::size_t>(op.layer)];
    const std::int64_t past = relative ? std::min(cached, op.memory_tokens) : cached;
    cached += new_tokens_;
    Rows positions;
    if (relative) {
      positions = ForEach(past + new_tokens_, [&](std::size_t) {
        return Linear(Row(static_cast<std::size_t>(graph_.d_model)), width, false);
      });
    }
    return ForEach(rows_, [&](std::size_t i) {
      const Row qkv = Linear((*input_)[i], width + 2 * kv_width, op.qkv_bias != kNoTensor);
      Row q(qkv.begin(), qkv.begin() + width);
      Row k(qkv.begin() + width, qkv.begin() + width + kv_width);
      Rotate(q, op.n_head, op);
      Rotate(k, op.n_kv_head, op);
      Row content = q;
      Row position = q;
      if (relative) {
        content = Sum(content, q);
        position = Sum(position, q);
      }
      const std::int64_t visible = past + static_cast<std::int64_t>(i) % new_tokens_ + 1;
      Row merged(static_cast<std::size_t>(width), Counted{0});
      for (std::int64_t h = 0; h < op.n_head; ++h) {
        const std::int64_t kv = h / (op.n_head / op.n_kv_head);
        Row scores;
        for (std::int64_t j = 0; j < visible; ++j) {
          Counted score = Dot(&content[static_cast<std::size_t>(h * op.d_head)],
                              &k[static_cast<std::size_t>(kv * op.d_head)], op.d_head);
          if (relative) {
            score = score + Dot(&position[static_cast<std::size_t>(h * op.d_head)],
                                &positions[static_cast<std::size_t>(j)]
                                          [static_cast<std::size_t>(h * op.d_head)],
                                op.d_head);
          }
          scores.push_back(score * kConstant);
        }
        Softmax(scores);
        for (const Counted& score : scores) {
          for (std::int64_t c = 0; c < op.d_head; ++c) {
            Counted& sum = merged[static_cast<std::size_t>(h * op.d_head + c)];
            sum = sum + score * k[static_cast<std::size_t>(kv * op.d_head + c)];
          }
        }
      }
      return Linear(merged, graph_.d_model, op.out_bias != kNoTensor);
    });
  }

  Rows Run(const FeedForwardOp& op) {
    return ForEach(rows_, [&](std::size_t i) {
      const Row& x = (*input_)[i];
      Row up = Linear(x, op.d_inner, op.up_bias != kNoTensor);
      if (op.gate_weight != kNoTensor) {
        const Row gate = Linear(x, op.d_inner, false);
        for (std::size_t j = 0; j < up.size(); ++j) {
          up[j] = Activate(op.activation, gate[j]) * up[j];
        }
      } else {
        for (Counted& value : up) value = Activate(op.activation, value);
      }
      return Linear(up, graph_.d_model, op.down_bias != kNoTensor);
    });
  }

  Rows Run(const AddOp& /*op*/) {
    return ForEach(rows_, [&](std::size_t i) { return Sum((*input_)[i], (*input2_)[i]); });
  }

  Rows Run(const HeadOp& op) {
    return ForEach(logit_rows_, [&](std::size_t i) {
      Row logits;
      for (std::size_t c = 0; c < op.clusters.size(); ++c) {
        const VocabCluster& cluster = op.clusters[c];
        Row x = (*input_)[i];
        if (cluster.projection != kNoTensor) x = Linear(x, cluster.d_embed, false);
        Row words = Linear(x, cluster.count, op.bias != kNoTensor);
        if (op.clusters.size() > 1) {
          if (c == 0) {
            const auto tails = static_cast<std::int64_t>(op.clusters.size()) - 1;
            const Row rows = Linear(x, tails, op.cluster_bias != kNoTensor);
            words.insert(words.end(), rows.begin(), rows.end());
          }
          Softmax(words);
          if (c > 0) words = Sum(words, Row(words.size()));
        }
        logits.insert(logits.end(), words.begin(), words.end());
      }
      return logits;
    });
  }

  const Graph& graph_;
  std::int64_t batch_;
  std::vector<std::int64_t> cached_;
  std::int64_t rows_ = 0;
  std::int64_t new_tokens_ = 0;
  std::int64_t logit_rows_ = 0;
  const Rows* input_ = nullptr;
  const Rows* input2_ = nullptr;
};

struct Decoder {
  std::string name;
  Graph graph;
};
void PrintTo(const Decoder& decoder, std::ostream* out) { *out << decoder.name; }

Graph TransformerXl(std::int64_t d_model, std::vector<LayerShape> layers,
                    const AdaptiveVocabulary& adaptive, std::int64_t memory_tokens) {
  return BuildGraph(Architecture(
      {.backbone = "transfo-xl",
       .vocab_size = 40,
       .max_seq_len = 32,
       .d_model = d_model,
       .layers = std::move(layers),
       .settings = DecoderSettings{.memory_tokens = memory_tokens, .adaptive = adaptive}}));
}

std::vector<Decoder> Decoders() {
  ArchitectureFields flex;
  flex.vocab_size = 23;
  flex.max_seq_len = 32;
  flex.d_model = 12;
  flex.layers = {{2, 2, 7}, {6, 6, 20}, {1, 1, 1}};
  const AdaptiveVocabulary vocabulary{8, 2, {10, 25}, true};
  ArchitectureFields adaptive = flex;
  adaptive.vocab_size = 40;
  adaptive.settings = DecoderSettings{.adaptive = vocabulary};
  Graph gelu_erf = BuildGraph(Architecture(flex));
  Graph squared = gelu_erf;
  for (Op& op : gelu_erf.ops) {
    if (auto* f = std::get_if<FeedForwardOp>(&op.attributes)) f->activation = Activation::kGeluErf;
  }
  for (Op& op : squared.ops) {
    if (auto* f = std::get_if<FeedForwardOp>(&op.attributes)) {
      f->activation = Activation::kReluSquared;
    }
  }
  return {{"Gpt2", BuildGraph(Architecture(flex))},
          {"Gpt2GeluErf", gelu_erf},
          {"Gpt2ReluSquared", squared},
          {"Opt", OptGraph(2, 12, 20, 3, 23, 32)},
          {"OptProjected", ProjectedOptGraph(2, 12, 5, 20, 3, 23, 32)},
          {"CodeGen", CodeGenGraph(2, 24, 31, 4, 4, 23, 32)},
          {"Llama", LlamaGraph(2, 24, 31, 6, 2, 23, 32)},
          {"TransformerXl", TransformerXl(12, {{2, 2, 20}, {4, 4, 9}}, vocabulary, 5)},
          {"TransformerXlWithoutMemory", TransformerXl(12, {{2, 2, 20}}, vocabulary, 0)},
          {"AdaptiveGpt2", BuildGraph(Architecture(adaptive))}};
}

class CostOf : public testing::TestWithParam<Decoder> {};

TEST_P(CostOf, StepsEqualsTheOperationsThatWereDone) {
  const Graph& graph = GetParam().graph;
  ValidateGraph(graph);
  for (const std::int64_t batch : {1, 3}) {
    CountingDecoder decoder(graph, batch);
    std::int64_t context = 0;
    for (const auto& [new_tokens, logit_tokens] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{4, 1}, {1, 1}, {7, 7}, {1, 0}}) {
      context += new_tokens;
      EXPECT_EQ(CountStepFlops(graph, batch, new_tokens, context, logit_tokens),
                decoder.Step(new_tokens, logit_tokens))
          << "batch " << batch << ", context " << context;
    }
  }
}

TEST_P(CostOf, AWorkloadIsTheSumOfItsSteps) {
  const Graph& graph = GetParam().graph;
  for (const std::int64_t prompt : {1, 3, 9}) {
    for (const std::int64_t output : {1, 2, 11}) {
      const WorkloadShape workload{.prompt_tokens = prompt, .output_tokens = output, .batch = 2};
      const WorkloadCounts counts = CountWorkload(graph, workload, DType::kFloat32);
      std::int64_t total = CountStepFlops(graph, 2, prompt, prompt, 1);
      EXPECT_EQ(counts.prefill_flops, total);
      for (std::int64_t c = prompt + 1; c < prompt + output; ++c) {
        total += CountStepFlops(graph, 2, 1, c, 1);
      }
      EXPECT_EQ(counts.total_flops, total);
      EXPECT_EQ(counts.decode_flops, CountStepFlops(graph, 2, 1, prompt + output - 1, 1));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Decoders, CostOf, testing::ValuesIn(Decoders()),
                         [](const auto& test) { return test.param.name; });

TEST(CountStepFlops, EqualsTheFormulaOfGpt2) {
  const std::int64_t L = 3, d = 64, i = 200, h = 4, V = 1000, T = 10, C = 25, B = 2;
  const Graph graph = BuildGraph(Architecture::Gpt2(L, d, i, h, V, 128));
  const std::int64_t pairs = T * (C - T) + T * (T + 1) / 2;
  const std::int64_t layer =
      T * (8 * d * d + 4 * d + 4 * d * i + i + d + 9 * i + 2 * 7 * d + 2 * d) +
      pairs * (4 * d + 6 * h);
  EXPECT_EQ(CountStepFlops(graph, B, T, C, 1), B * (T * d + L * layer + T * 7 * d + 2 * d * V));
}

TEST(CountStepFlops, RefusesImpossibleSteps) {
  const Graph graph = BuildGraph(Architecture::Gpt2(1, 32, 32, 1, 100, 16));
  EXPECT_THROW(CountStepFlops(graph, 0, 1, 1, 1), Error);
  EXPECT_THROW(CountStepFlops(graph, 1, 0, 1, 0), Error);
  EXPECT_THROW(CountStepFlops(graph, 1, 3, 2, 1), Error);
  EXPECT_THROW(CountStepFlops(graph, 1, 1, 17, 1), Error);
  EXPECT_THROW(CountStepFlops(graph, 1, 2, 2, 3), Error);
}

TEST(CountWorkload, RefusesTokensBeyondThePositions) {
  const Graph graph = BuildGraph(Architecture::Gpt2(1, 32, 32, 1, 100, 16));
  EXPECT_NO_THROW(CountWorkload(graph, {.prompt_tokens = 10, .output_tokens = 7}, DType::kFloat32));
  try {
    CountWorkload(graph, {.prompt_tokens = 10, .output_tokens = 8}, DType::kFloat32);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), testing::HasSubstr("got 17"));
    EXPECT_THAT(error.what(), testing::HasSubstr("16"));
  }
  EXPECT_THROW(CountWorkload(graph, {.prompt_tokens = 0}, DType::kFloat32), Error);
  EXPECT_THROW(CountWorkload(graph, {.output_tokens = INT64_MAX}, DType::kFloat32), Error);
  EXPECT_THROW(CountWorkload(graph, {.batch = -1}, DType::kFloat32), Error);
}

TEST(CountWorkload, RefusesCountsThatOverflow) {
  const Graph graph =
      BuildGraph(Architecture::Gpt2(4096, kMaxDModel, kMaxDInner, 1, kMaxVocabSize, kMaxSeqLen));
  EXPECT_THROW(CountWorkload(graph, {.prompt_tokens = kMaxSeqLen}, DType::kFloat32), Error);
}

TEST(CountWorkload, CountsWeightsByDType) {
  const std::int64_t L = 3, d = 64, i = 200, V = 1000, S = 128;
  const Graph graph = BuildGraph(Architecture::Gpt2(L, d, i, 4, V, S));
  const std::int64_t matrices = V * d + L * (4 * d * d + 2 * d * i);
  const std::int64_t others = S * d + L * (9 * d + i) + 2 * d;
  const auto bytes = [&](DType dtype) { return CountWorkload(graph, {}, dtype).weight_bytes; };
  EXPECT_EQ(bytes(DType::kFloat32), 4 * matrices + 4 * others);
  EXPECT_EQ(bytes(DType::kBFloat16), 2 * matrices + 4 * others);
  EXPECT_EQ(bytes(DType::kInt8), matrices + 4 * others);
}

TEST(CountWorkload, ADecodeStepReadsWeightsOnceAndTheCache) {
  const std::int64_t L = 3, d = 64, i = 200, V = 1000, S = 128;
  const Graph graph = BuildGraph(Architecture::Gpt2(L, d, i, 4, V, S));
  const std::int64_t matrices = V * d + L * (4 * d * d + 2 * d * i);
  const std::int64_t others = L * (9 * d + i) + 2 * d;  // of positions only a row is read
  const WorkloadShape workload{.prompt_tokens = 20, .output_tokens = 11, .batch = 3};
  const std::int64_t cache = 2 * L * d * 25 * 3;  // values: contexts of 20 to 30
  const auto bytes = [&](DType dtype) {
    return CountWorkload(graph, workload, dtype).decode_bytes;
  };
  EXPECT_EQ(bytes(DType::kFloat32), 4 * (matrices + others + cache));
  EXPECT_EQ(bytes(DType::kBFloat16), 2 * matrices + 4 * others + 2 * cache);
  EXPECT_EQ(bytes(DType::kInt8), matrices + 4 * others + 2 * cache);
  EXPECT_EQ(CountWorkload(graph, workload, DType::kBFloat16, DType::kFloat32).decode_bytes,
            2 * matrices + 4 * others + 4 * cache);
  EXPECT_EQ(CountWorkload(graph, {.prompt_tokens = 20}, DType::kInt8).decode_bytes, 0);
}

TEST(CountWorkload, CountsKeysAndValuesOfTheLongestContext) {
  const WorkloadShape workload{.prompt_tokens = 9, .output_tokens = 4, .batch = 2};
  const auto bytes = [&](const Graph& graph) {
    return CountWorkload(graph, workload, DType::kFloat32).kv_cache_bytes;
  };
  EXPECT_EQ(bytes(BuildGraph(Architecture::Gpt2(3, 64, 200, 4, 100, 32))), 2 * 3 * 64 * 12 * 2 * 4);
  // Grouped queries share keys: 2 of 8 heads.
  EXPECT_EQ(bytes(LlamaGraph(3, 64, 200, 8, 2, 100, 32)), 2 * 3 * 16 * 12 * 2 * 4);
  // A memory of 5 never holds more than the prompt; one of 10 holds itself and the new token.
  const AdaptiveVocabulary vocabulary{};
  EXPECT_EQ(bytes(TransformerXl(64, {{4, 4, 9}}, vocabulary, 5)), 2 * 64 * 9 * 2 * 4);
  EXPECT_EQ(bytes(TransformerXl(64, {{4, 4, 9}}, vocabulary, 10)), 2 * 64 * 11 * 2 * 4);
  EXPECT_EQ(bytes(TransformerXl(64, {{4, 4, 9}}, vocabulary, 500)), 2 * 64 * 12 * 2 * 4);
}

// One float32 scale for each token and head, of its key and of its value.
TEST(CountWorkload, CountsTheScalesOfAnInt8Cache) {
  const WorkloadShape workload{.prompt_tokens = 9, .output_tokens = 4, .batch = 2};
  const Graph graph = LlamaGraph(3, 64, 200, 8, 2, 100, 32);
  const auto bytes = [&](DType dtype, DType kv_dtype) {
    return CountWorkload(graph, workload, dtype, kv_dtype).kv_cache_bytes;
  };
  for (const DType dtype : {DType::kFloat32, DType::kInt8}) {
    EXPECT_EQ(bytes(dtype, DType::kFloat32), 2 * 3 * 12 * 2 * 2 * 8 * 4);
    EXPECT_EQ(bytes(dtype, DType::kBFloat16), 2 * 3 * 12 * 2 * 2 * 8 * 2);
    EXPECT_EQ(bytes(dtype, DType::kInt8), 2 * 3 * 12 * 2 * 2 * (8 + 4));
  }
}

std::int64_t PeakBytes(const Graph& graph, std::int64_t prompt, std::int64_t batch) {
  return CountWorkload(graph, {.prompt_tokens = prompt, .batch = batch}, DType::kFloat32)
      .peak_activation_bytes;
}

TEST(CountWorkload, FindsTheLargestMomentOfALayer) {
  const std::int64_t d = 64, V = 10, T = 20, B = 3;
  // Wide feed-forward: the residual, the normed input, the output and the inner row of each token.
  EXPECT_EQ(PeakBytes(BuildGraph(Architecture::Gpt2(2, d, 500, 4, V, 32)), T, B),
            4 * B * T * (3 * d + 500));
  // Narrow: attention's queries, keys, values and heads are more; and one row of scores.
  EXPECT_EQ(PeakBytes(BuildGraph(Architecture::Gpt2(2, d, 8, 4, V, 32)), T, B),
            4 * (B * T * (3 * d + 4 * d) + T));
  // Gated: two inner rows. Keys and values of 2 of 8 heads.
  EXPECT_EQ(PeakBytes(LlamaGraph(2, d, 500, 8, 2, V, 32), T, B), 4 * B * T * (3 * d + 2 * 500));
  EXPECT_EQ(PeakBytes(LlamaGraph(2, d, 8, 8, 2, V, 32), T, B),
            4 * (B * T * (3 * d + (2 * 8 + 2 * 2) * 8) + T));
}

TEST(CountWorkload, CountsLogitsAgainstTheHiddenStates) {
  const std::int64_t d = 64, V = 50000, B = 3;
  EXPECT_EQ(PeakBytes(BuildGraph(Architecture::Gpt2(2, d, 500, 4, V, 32)), 20, B),
            4 * B * (20 * d + V));
}

TEST(CountWorkload, KeepsWhatALaterOpReads) {
  const std::int64_t d = 64, T = 20;
  // Parallel branches: while feed-forward runs, the sum of residual and attention, the normed input
  // that attention has read before, the output and the inner row.
  EXPECT_EQ(PeakBytes(CodeGenGraph(2, d, 500, 4, 8, 10, 32), T, 1), 4 * T * (3 * d + 500));
}

TEST(CountWorkload, IncludesDecodeInThePeak) {
  // After a prompt of one token a decode step differs only by its longer row of scores.
  const Graph graph = BuildGraph(Architecture::Gpt2(2, 64, 8, 4, 10, 32));
  const auto peak = [&](std::int64_t output) {
    return CountWorkload(graph, {.prompt_tokens = 1, .output_tokens = output}, DType::kFloat32)
        .peak_activation_bytes;
  };
  EXPECT_EQ(peak(11) - peak(1), 4 * 10);
}

}  // namespace
}  // namespace lts
