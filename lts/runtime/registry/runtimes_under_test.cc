#include "lts/runtime/registry/runtimes_under_test.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lts/base/rng.h"
#include "tests/goldens/golden.h"

namespace lts {

std::vector<RuntimeUnderTest> RuntimesUnderTest() {
  std::vector<RuntimeUnderTest> all;
  for (const RuntimeEntry* entry : Runtimes()) {
    for (const DType dtype : entry->dtypes()) {
      std::vector<DType> kv_dtypes{CacheDType(dtype)};
      if (entry->kv_dtypes != nullptr) kv_dtypes = entry->kv_dtypes();
      for (const DType kv_dtype : kv_dtypes) all.push_back({entry, dtype, kv_dtype});
    }
  }
  return all;
}

std::string NameOf(const RuntimeUnderTest& runtime) {
  std::string name =
      std::string(runtime.entry->name) + "_" + std::string(kDTypes.Name(runtime.dtype));
  if (runtime.kv_dtype != CacheDType(runtime.dtype))
    name += "_kv_" + std::string(kDTypes.Name(runtime.kv_dtype));
  return name;
}

void PrintTo(const RuntimeUnderTest& runtime, std::ostream* stream) { *stream << NameOf(runtime); }

namespace {

// With a cache of CacheDType(dtype).
double ToleranceOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return 1e-5;
    case DType::kBFloat16:
      return 5e-2;
    case DType::kInt8:
      return 1.2e-1;
  }
  throw Error(ErrorCode::kUnsupported, "no tolerance for dtype '" +
                                           std::string(kDTypes.Name(dtype)) +
                                           "': argue one in docs/numerics.md and add it here");
}

// What a cache of this type, beside float32 weights, adds.
double CacheTolerance(DType kv_dtype) {
  switch (kv_dtype) {
    case DType::kFloat32:
      return 0;
    case DType::kBFloat16:
      return 2.5e-2;
    case DType::kInt8:
      return 7e-2;
  }
  throw Error(ErrorCode::kUnsupported, "no tolerance for a KV cache of dtype '" +
                                           std::string(kDTypes.Name(kv_dtype)) +
                                           "': argue one in docs/numerics.md and add it here");
}

}  // namespace

double ToleranceOf(const RuntimeUnderTest& runtime) {
  const double weights = ToleranceOf(runtime.dtype);
  if (SizeOf(runtime.kv_dtype) >= SizeOf(CacheDType(runtime.dtype))) return weights;
  // Roundings of weights and of the cache are independent.
  return std::hypot(weights, CacheTolerance(runtime.kv_dtype));
}

ModelRecipe SharpRecipe(Architecture architecture, std::uint64_t seed, float sharpness) {
  constexpr float kFreshStd = 0.02F;
  const float scale = sharpness / kFreshStd / std::sqrt(static_cast<float>(architecture.d_model()));
  return {std::move(architecture), seed, scale};
}

Model Make(const ModelRecipe& recipe) {
  Model model = RandomModel(recipe.architecture, recipe.seed, /*everything_random=*/true);
  ScaleMatrices(model.graph(), recipe.weight_scale,
                [&](TensorId id) { return model.mutable_tensor(id); });
  return model;
}

std::vector<std::int32_t> Tokens::Slice(std::int64_t begin, std::int64_t count) const {
  std::vector<std::int32_t> part;
  for (std::int64_t b = 0; b < batch; ++b) {
    const auto first = ids.begin() + b * n() + begin;
    part.insert(part.end(), first, first + count);
  }
  return part;
}

Tokens RandomTokens(const Graph& graph, std::int64_t batch, std::int64_t n, std::uint64_t seed) {
  Rng rng(seed);
  Tokens tokens{batch, std::vector<std::int32_t>(static_cast<std::size_t>(batch * n))};
  for (std::int32_t& id : tokens.ids) id = static_cast<std::int32_t>(rng.Below(graph.vocab_size));
  return tokens;
}

std::vector<float> AllLogits(Session& session, const Graph& graph, const Tokens& tokens,
                             const std::vector<std::int64_t>& steps) {
  const std::int64_t n = tokens.n();
  const std::int64_t vocab_size = graph.vocab_size;
  std::vector<float> all(static_cast<std::size_t>(tokens.batch * n * vocab_size));
  std::int64_t begin = 0;
  for (const std::int64_t count : steps) {
    std::vector<float> part(static_cast<std::size_t>(tokens.batch * count * vocab_size));
    session.Step(tokens.Slice(begin, count), Logits::kAll, part);
    for (std::int64_t b = 0; b < tokens.batch; ++b) {
      std::copy_n(part.begin() + b * count * vocab_size, count * vocab_size,
                  all.begin() + (b * n + begin) * vocab_size);
    }
    begin += count;
  }
  LTS_CHECK(begin == n);
  return all;
}

std::vector<float> LastLogits(Session& session, const Graph& graph, const Tokens& tokens,
                              std::int64_t begin, std::int64_t count) {
  std::vector<float> logits(static_cast<std::size_t>(tokens.batch * graph.vocab_size));
  session.Step(tokens.Slice(begin, count), Logits::kLast, logits);
  return logits;
}

Loaded LoadInto(const RuntimeUnderTest& under_test, int threads, const ModelRecipe& recipe) {
  Loaded loaded;
  loaded.runtime = CreateRuntime(under_test.entry->name, under_test.Options(threads));
  loaded.model = loaded.runtime->Load(Make(recipe));
  return loaded;
}

Loaded LoadIntoReference(const ModelRecipe& recipe) {
  return LoadInto({&FindRuntime("reference")}, 1, recipe);
}

void RuntimeTest::SetUp() {
  const Availability here = GetParam().entry->available({});
  if (!here.ok) GTEST_SKIP() << GetParam().entry->name << ": " << here.reason;
}

}  // namespace lts
