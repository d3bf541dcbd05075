// Every runtime computes what PyTorch computes: the goldens of tools/make_goldens.py that it takes,
// prefill and token by token.
#include "tests/goldens/golden.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lts/runtime/registry/runtimes_under_test.h"
#include "tests/logits.h"

namespace lts {
namespace {

class RuntimeGoldenTest : public RuntimeTest {};

TEST_P(RuntimeGoldenTest, EqualsPyTorchPrefillAndTokenByToken) {
  int goldens = 0;
  for (const std::string& name : GoldenNames()) {
    SCOPED_TRACE(name);
    const Golden golden = ReadGolden(name);
    const auto runtime = CreateRuntime(GetParam().entry->name, GetParam().Options());
    if (!runtime->Supports(BuildGraph(golden.ToArchitecture())).ok) continue;
    ++goldens;
    const ModelRecipe recipe{golden.ToArchitecture(), golden.seed, golden.weight_scale};
    const Model model = Make(recipe);
    ASSERT_EQ(WeightsSha1(model.graph(), [&](TensorId id) { return model.tensor(id); }),
              golden.weights_sha1)
        << "the weights are no longer those that tools/make_goldens.py drew";
    const Loaded loaded = LoadInto(GetParam(), 1, recipe);
    const Tokens tokens{golden.batch, golden.tokens};
    for (const std::int64_t step : {tokens.n(), std::int64_t{1}}) {
      const auto session = loaded.model->NewSession({.batch = golden.batch,
                                                     .max_tokens = tokens.n(),
                                                     .max_step_tokens = step,
                                                     .all_logits = true});
      const std::vector<std::int64_t> steps(static_cast<std::size_t>(tokens.n() / step), step);
      const auto logits =
          golden.AtPositions(AllLogits(*session, loaded.model->graph(), tokens, steps));
      EXPECT_LE(MaxRowError(logits, golden.exact_logits, golden.vocab_size),
                ToleranceOf(GetParam()))
          << "in steps of " << step;
    }
  }
  EXPECT_GE(goldens, 4);
}

LTS_FOR_EVERY_RUNTIME(RuntimeGoldenTest);

}  // namespace
}  // namespace lts
