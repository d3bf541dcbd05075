// The reference runtime against PyTorch: every backbone, prefill and token by token.
#include "tests/goldens/golden.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "lts/arch/model.h"
#include "lts/base/rng.h"
#include "lts/runtime/reference/interpreter.h"
#include "tests/logits.h"

namespace lts::reference {
namespace {

constexpr double kTolerance = 1e-5;  // docs/numerics.md
// The weights that lts/arch's RandomModel(everything_random) would draw, for any graph.
std::shared_ptr<const BoundGraph> Bind(const Golden& golden) {
  auto bound = std::make_shared<BoundGraph>();
  bound->graph = BuildGraph(golden.ToArchitecture());
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
