// What the suites over all runtimes share: which runtimes there are, how to feed them, how close
// they must be. A new runtime joins by its line in registry.cc; no suite names one. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "lts/arch/model.h"
#include "lts/runtime/registry/registry.h"

namespace lts {

struct RuntimeUnderTest {
  const RuntimeEntry* entry = nullptr;
  DType dtype = DType::kFloat32;
  DType kv_dtype = DType::kFloat32;

  RuntimeOptions Options(int threads = 1) const {
    return {.threads = threads, .dtype = dtype, .kv_dtype = kv_dtype};
  }
};

// Every runtime of the registry with every dtype it has, of the weights and of the KV cache,
// available here or not.
std::vector<RuntimeUnderTest> RuntimesUnderTest();
std::string NameOf(const RuntimeUnderTest& runtime);  // "cpu_f32", "cpu_f32_kv_int8"
void PrintTo(const RuntimeUnderTest& runtime, std::ostream* stream);  // for gtest's messages

// The greatest MaxRowError (tests/logits.h) from the reference, by dtypes and the same for every
// runtime: argued in docs/numerics.md. Throws when a dtype has none.
double ToleranceOf(const RuntimeUnderTest& runtime);

// A model whose every tensor is random and whose matrices are `weight_scale` times larger than
// fresh ones.
struct ModelRecipe {
  Architecture architecture;
  std::uint64_t seed = 1;
  float weight_scale = 1.0F;
};
// `sharpness` 1: matrices of standard deviation 1 / sqrt(d_model), so that values and attention
// scores vary by about 1. Fresh weights make attention nearly uniform, and no error in a score
// would show. Scores vary with its square.
ModelRecipe SharpRecipe(Architecture architecture, std::uint64_t seed, float sharpness = 1.0F);
Model Make(const ModelRecipe& recipe);

// One sequence of tokens after another, [batch, n].
struct Tokens {
  std::int64_t batch = 1;
  std::vector<std::int32_t> ids;
  std::int64_t n() const { return std::ssize(ids) / batch; }
  // Of each sequence, the tokens from `begin` on, `count` of them.
  std::vector<std::int32_t> Slice(std::int64_t begin, std::int64_t count) const;
};
Tokens RandomTokens(const Graph& graph, std::int64_t batch, std::int64_t n, std::uint64_t seed);

// Feeds all of `tokens` in steps of the given lengths (which must add up) and returns every logit,
// [batch, n, V].
std::vector<float> AllLogits(Session& session, const Graph& graph, const Tokens& tokens,
                             const std::vector<std::int64_t>& steps);
// One step of `tokens`, logits of the last position: [batch, V].
std::vector<float> LastLogits(Session& session, const Graph& graph, const Tokens& tokens,
                              std::int64_t begin, std::int64_t count);

// A runtime with one model loaded.
struct Loaded {
  std::unique_ptr<Runtime> runtime;
  std::unique_ptr<LoadedModel> model;
};
Loaded LoadInto(const RuntimeUnderTest& under_test, int threads, const ModelRecipe& recipe);
// The same by the reference runtime: what is expected.
Loaded LoadIntoReference(const ModelRecipe& recipe);

// Skips what this machine does not have.
class RuntimeTest : public ::testing::TestWithParam<RuntimeUnderTest> {
 protected:
  void SetUp() override;
};

#define LTS_FOR_EVERY_RUNTIME(Suite)                                                        \
  INSTANTIATE_TEST_SUITE_P(, Suite, ::testing::ValuesIn(::lts::RuntimesUnderTest()),        \
                           [](const ::testing::TestParamInfo<::lts::RuntimeUnderTest>& p) { \
                             return ::lts::NameOf(p.param);                                 \
                           })

}  // namespace lts
