// Every runtime computes what the reference computes: one list of cases, one tolerance
// (docs/numerics.md), the same bits for every number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "lts/base/rng.h"
#include "lts/runtime/registry/runtimes_under_test.h"
#include "tests/logits.h"

namespace lts {
namespace {

struct ParityCase {
  std::string name;
  ModelRecipe recipe;
  std::int64_t batch = 1;
  std::int64_t n = 1;                           // tokens of each sequence
  std::vector<std::vector<std::int64_t>> ways;  // lengths of the steps that feed them, besides one
};

void PrintTo(const ParityCase& parity, std::ostream* stream) { *stream << parity.name; }

Architecture Gpt2(std::int64_t d_model, std::vector<LayerShape> layers, std::int64_t vocab_size,
                  std::int64_t max_seq_len) {
  for (LayerShape& layer : layers) layer.n_kv_head = layer.n_head;
  return Architecture({.vocab_size = vocab_size,
                       .max_seq_len = max_seq_len,
                       .d_model = d_model,
                       .layers = std::move(layers)});
}

LayerShape Layer(std::int64_t n_head, std::int64_t d_inner) { return {n_head, n_head, d_inner}; }

// A long first step and then token by token.
std::vector<std::int64_t> PrefillThenDecode(std::int64_t n) {
  std::vector<std::int64_t> steps;
  const std::int64_t decoded = std::min<std::int64_t>(4, n);
  if (n > decoded) steps.push_back(n - decoded);
  steps.insert(steps.end(), static_cast<std::size_t>(decoded), 1);
  return steps;
}

// Steps of changing, mostly odd lengths.
std::vector<std::int64_t> Chunks(std::int64_t n) {
  std::vector<std::int64_t> steps;
  for (std::int64_t next = 3; n > 0; next = next * 2 + 1) {
    steps.push_back(std::min(next, n));
    n -= steps.back();
  }
  return steps;
}

// Lengths around the blocks that kernels work in, on one small model.
void AddLengths(std::vector<ParityCase>& cases) {
  std::int64_t batch = 1;
  for (const std::int64_t n : {1, 2, 15, 16, 17, 63, 64, 65, 127, 192, 1023, 1024, 1100}) {
    const bool is_long = n > 200;
    const ModelRecipe recipe =
        SharpRecipe(Gpt2(40, {Layer(5, 90), Layer(2, 33)}, 61, std::max<std::int64_t>(n, 8)),
                    static_cast<std::uint64_t>(100 + n));
    const std::string name = "length_" + std::to_string(n);
    cases.push_back({name, recipe, is_long ? 1 : batch, n, {PrefillThenDecode(n), Chunks(n)}});
    batch = batch % 4 + 1;
  }
  const ModelRecipe recipe = SharpRecipe(Gpt2(24, {Layer(3, 50)}, 31, 700), 99);
  cases.push_back({"length_600_batch_4", recipe, 4, 600, {Chunks(600)}});
}

// Shapes that no block or vector length divides, and the extremes of heads.
void AddShapes(std::vector<ParityCase>& cases) {
  const auto add = [&](std::string name, std::int64_t d_model, std::vector<LayerShape> layers,
                       std::int64_t vocab_size, std::int64_t batch, std::int64_t n) {
    const ModelRecipe recipe = SharpRecipe(Gpt2(d_model, std::move(layers), vocab_size, 64), 7);
    cases.push_back({std::move(name), recipe, batch, n, {PrefillThenDecode(n)}});
  };
  add("smallest", 1, {Layer(1, 1)}, 1, 1, 3);
  add("d_head_1", 16, {Layer(16, 31), Layer(16, 64)}, 17, 2, 33);
  add("d_head_odd", 57, {Layer(3, 100), Layer(19, 7)}, 103, 3, 21);
  add("d_head_128", 128, {Layer(1, 200)}, 129, 1, 20);
  add("d_head_131", 131, {Layer(1, 65)}, 77, 2, 19);
  add("d_head_260", 260, {Layer(1, 30)}, 33, 1, 18);
  add("d_inner_1", 32, {Layer(4, 1), Layer(4, 2)}, 51, 1, 10);
  add("d_inner_wide", 24, {Layer(3, 1031)}, 23, 1, 17);
  add("vocab_wide", 20, {Layer(2, 41)}, 5003, 2, 9);
  add("deep", 36, std::vector<LayerShape>(12, Layer(6, 75)), 47, 1, 18);
  cases.push_back({"sharp",
                   SharpRecipe(Gpt2(48, {Layer(3, 96), Layer(4, 60)}, 83, 192), 8, 2.0F),
                   2,
                   192,
                   {PrefillThenDecode(192)}});
  add("aligned", 64, {Layer(4, 256), Layer(8, 128)}, 256, 4, 32);
}

// Heterogeneous shapes from a fixed seed: every divisor of d_model up to 16 heads, any width.
void AddRandomShapes(std::vector<ParityCase>& cases) {
  constexpr std::int64_t kWidths[] = {24, 33, 48, 60, 85, 96, 120, 140, 144, 160};
  Rng rng(2022);
  for (int i = 0; i < 16; ++i) {
    const std::int64_t d_model = rng.Choice(std::span<const std::int64_t>(kWidths));
    std::vector<LayerShape> layers(static_cast<std::size_t>(rng.Between(1, 4)));
    for (LayerShape& layer : layers) {
      do {
        layer.n_head = rng.Between(1, 16);
      } while (d_model % layer.n_head != 0);
      layer.d_inner = rng.Between(1, 4 * d_model);
    }
    // One draw a statement: the order of arguments is the compiler's.
    const std::int64_t vocab_size = 2 * rng.Between(5, 150) + 1;
    const std::uint64_t seed = rng.Next();
    const std::int64_t batch = rng.Between(1, 4);
    const std::int64_t n = rng.Between(1, 70);
    const bool chunked = rng.Bernoulli(0.5);
    cases.push_back({"random_" + std::to_string(i),
                     SharpRecipe(Gpt2(d_model, std::move(layers), vocab_size, 96), seed),
                     batch,
                     n,
                     {chunked ? Chunks(n) : PrefillThenDecode(n)}});
  }
}

// The other backbones: rotary positions of both kinds, grouped queries, gates, parallel blocks,
// heads of their own, positions with an offset. Long cases pass the engines' chunks of rows.
// Weights are less sharp than elsewhere: a gate doubles what bfloat16 and int8 round
// (docs/numerics.md).
void AddBackbones(std::vector<ParityCase>& cases) {
  constexpr float kSharpness = 0.8F;
  const auto add = [&](std::string name, std::string backbone, std::int64_t d_model,
                       std::vector<LayerShape> layers, std::int64_t batch, std::int64_t n,
                       std::optional<DecoderSettings> settings = {}) {
    const Architecture architecture({.backbone = std::move(backbone),
                                     .vocab_size = 89,
                                     .max_seq_len = std::max<std::int64_t>(n, 24),
                                     .d_model = d_model,
                                     .layers = std::move(layers),
                                     .settings = settings});
    cases.push_back({std::move(name),
                     SharpRecipe(architecture, static_cast<std::uint64_t>(300 + n), kSharpness),
                     batch,
                     n,
                     {PrefillThenDecode(n), Chunks(n)}});
  };
  add("opt", "opt", 40, {Layer(5, 90), Layer(2, 33)}, 3, 24);
  add("opt_long", "opt", 24, {Layer(3, 50)}, 1, 800);
  add("codegen", "codegen", 72, {Layer(4, 100), Layer(12, 61)}, 3, 24);  // rotary_dims 6 of 18
  add("codegen_whole_heads", "codegen", 56, {Layer(4, 75)}, 2, 70);      // 14 of 14
  add("codegen_long", "codegen", 40, {Layer(4, 50), Layer(4, 51)}, 1, 800,
      DecoderSettings{.rotary_dims = 2, .tied_head = false});
  add("llama", "llama", 60, {{6, 2, 100}, {2, 1, 61}, {10, 10, 90}}, 3, 24);
  add("llama_one_kv_head", "llama", 64, {{32, 1, 64}}, 2, 40);  // more queries than a block holds
  add("llama_wide_head", "llama", 132, {{1, 1, 70}}, 1, 30);
  add("llama_long", "llama", 48, {{4, 2, 80}, {2, 2, 33}}, 2, 420);
  add("llama_tied_base", "llama", 48, {{6, 3, 64}}, 2, 130,
      DecoderSettings{.rotary_base = 500000.0, .norm_epsilon = 1e-6, .tied_head = true});
  add("llama_shortest", "llama", 2, {{1, 1, 1}}, 1, 2);
}

std::vector<ParityCase> Cases() {
  std::vector<ParityCase> cases;
  AddLengths(cases);
  AddShapes(cases);
  AddRandomShapes(cases);
  AddBackbones(cases);
  return cases;
}

using ParityParam = std::tuple<RuntimeUnderTest, ParityCase>;

class ParityTest : public ::testing::TestWithParam<ParityParam> {
 protected:
  void SetUp() override {
    const Availability here = runtime().entry->available({});
    if (!here.ok) GTEST_SKIP() << runtime().entry->name << ": " << here.reason;
    graph_ = BuildGraph(a_case().recipe.architecture);
    const Availability can =
        CreateRuntime(runtime().entry->name, runtime().Options())->Supports(graph_);
    if (!can.ok) GTEST_SKIP() << can.reason;
    tokens_ = RandomTokens(graph_, a_case().batch, a_case().n, a_case().recipe.seed + 1);
  }

  static const RuntimeUnderTest& runtime() { return std::get<0>(GetParam()); }
  static const ParityCase& a_case() { return std::get<1>(GetParam()); }

  std::unique_ptr<Session> NewSession(const Loaded& loaded, std::int64_t max_step_tokens,
                                      bool all_logits) const {
    return loaded.model->NewSession({.batch = a_case().batch,
                                     .max_tokens = a_case().n,
                                     .max_step_tokens = max_step_tokens,
                                     .all_logits = all_logits});
  }
  std::vector<float> Run(const Loaded& loaded, const std::vector<std::int64_t>& steps) const {
    const std::int64_t longest = *std::max_element(steps.begin(), steps.end());
    return AllLogits(*NewSession(loaded, longest, true), graph_, tokens_, steps);
  }
  // Of [batch, n, V], the last position of each sequence.
  std::vector<float> LastRows(const std::vector<float>& all) const {
    std::vector<float> last;
    for (std::int64_t b = 1; b <= a_case().batch; ++b) {
      const auto end = all.begin() + b * a_case().n * graph_.vocab_size;
      last.insert(last.end(), end - graph_.vocab_size, end);
    }
    return last;
  }
  double Error(const std::vector<float>& logits, const std::vector<float>& expected) const {
    return MaxRowError(logits, expected, graph_.vocab_size);
  }

  Graph graph_;
  Tokens tokens_;
};

TEST_P(ParityTest, EqualsTheReferenceHoweverFedAndWithAnyNumberOfThreads) {
  const double tolerance = ToleranceOf(runtime());
  const std::vector<std::int64_t> at_once{a_case().n};
  const std::vector<float> expected = Run(LoadIntoReference(a_case().recipe), at_once);
  const Loaded one = LoadInto(runtime(), 1, a_case().recipe);
  const Loaded two = LoadInto(runtime(), 2, a_case().recipe);
  std::vector<std::vector<std::int64_t>> ways = a_case().ways;
  ways.push_back(at_once);
  double worst = 0;
  for (const std::vector<std::int64_t>& steps : ways) {
    SCOPED_TRACE("in " + std::to_string(steps.size()) + " steps");
    const std::vector<float> logits = Run(one, steps);
    const double error = Error(logits, expected);
    worst = std::max(worst, error);
    EXPECT_LE(error, tolerance);
    EXPECT_EQ(Run(two, steps), logits) << "2 threads give other bits than 1";
  }
  const auto session = NewSession(two, a_case().n, false);
  EXPECT_LE(Error(LastLogits(*session, graph_, tokens_, 0, a_case().n), LastRows(expected)),
            tolerance)
      << "logits of the last position alone";
  RecordProperty("max_row_error", testing::PrintToString(worst));  // docs/numerics.md
}

INSTANTIATE_TEST_SUITE_P(, ParityTest,
                         ::testing::Combine(::testing::ValuesIn(RuntimesUnderTest()),
                                            ::testing::ValuesIn(Cases())),
                         [](const ::testing::TestParamInfo<ParityParam>& p) {
                           return NameOf(std::get<0>(p.param)) + "_" + std::get<1>(p.param).name;
                         });

}  // namespace
}  // namespace lts
