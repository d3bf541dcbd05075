// The files that `lts export` writes, run by ONNX Runtime and held to the reference.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <utility>

#include "lts/base/files.h"
#include "lts/base/rng.h"
#include "lts/export/onnx.h"
#include "lts/runtime/ort/library.h"
#include "lts/runtime/registry/runtimes_under_test.h"
#include "tests/logits.h"

namespace lts {
namespace {

struct Variant {
  const char* name;
  OnnxOptions options;
  double tolerance;
};
constexpr int kNewerOpset = 21;  // the newest that ONNX Runtime 1.19 knows
const Variant kVariants[] = {
    {"plain", {}, 1e-4},
    {"fused", {.fused = true}, 1e-4},
    {"plain of a newer opset", {.opset = kNewerOpset}, 1e-4},
    {"fused of a newer opset", {.fused = true, .opset = kNewerOpset}, 1e-4},
    {"plain f16", {.dtype = OnnxDType::kFloat16}, 5e-3},
    {"fused f16", {.dtype = OnnxDType::kFloat16, .fused = true}, 5e-3},
    {"plain int8", {.dtype = OnnxDType::kInt8}, 5e-2},
    {"fused int8", {.dtype = OnnxDType::kInt8, .fused = true}, 5e-2},
};
constexpr std::int64_t kDecodeSteps = 64;

const ort::Api* OpenOrt() {
  try {
    return &ort::OpenLibrary(ort::PlacesHere(""));
  } catch (const Error&) {
    return nullptr;
  }
}

// Runs a file as its users do: keys and values of a step are handed to the next.
class FileRunner {
 public:
  FileRunner(const ort::Api& api, const std::string& path, const Graph& graph, std::int64_t batch,
             OnnxDType dtype)
      : api_(api),
        graph_(graph),
        batch_(batch),
        cache_type_(dtype == OnnxDType::kFloat16 ? ort::ElementType::kFloat16
                                                 : ort::ElementType::kFloat32),
        bytes_(ReadFile(path)) {
    const auto options = api_.NewSessionOptions();
    session_ = api_.NewSession(bytes_, *options);
    for (const Op& op : graph.ops) {
      if (const auto* attention = std::get_if<AttentionOp>(&op.attributes)) {
        const OnnxCacheNames names = CacheNamesOf(attention->layer);
        for (const int i : {0, 1}) {
          caches_.push_back(
              {names.past[i], names.present[i], attention->n_kv_head, attention->d_head, {}});
        }
      }
    }
  }

  // The logits of the last position, [batch, V].
  std::vector<float> Step(const std::vector<std::int32_t>& tokens) {
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    const std::int64_t n = std::ssize(ids) / batch_;
    const auto binding = api_.NewIoBinding(*session_);
    std::vector<ort::Owned<ort::OrtValue>> values;
    const auto bind_input = [&](const std::string& name, ort::Owned<ort::OrtValue> value) {
      api_.Check(api_.functions().BindInput(binding.get(), name.c_str(), value.get()), name);
      values.push_back(std::move(value));
    };
    const auto bind_output = [&](const std::string& name, ort::Owned<ort::OrtValue> value) {
      api_.Check(api_.functions().BindOutput(binding.get(), name.c_str(), value.get()), name);
      values.push_back(std::move(value));
    };
    const std::array<std::int64_t, 2> ids_shape{batch_, n};
    bind_input("input_ids", api_.NewValue(ids.data(), ids_shape, ort::ElementType::kInt64));
    const std::int64_t element = cache_type_ == ort::ElementType::kFloat16 ? 2 : 4;
    std::vector<std::vector<std::byte>> next;
    for (Cache& cache : caches_) {
      const std::array<std::int64_t, 4> past{batch_, cache.n_head, length_, cache.d_head};
      const std::array<std::int64_t, 4> present{batch_, cache.n_head, length_ + n, cache.d_head};
      cache.values.resize(std::max<std::size_t>(cache.values.size(), 1));  // no null pointer
      bind_input(cache.past, api_.NewValue(cache.values.data(), past, cache_type_));
      next.emplace_back(
          static_cast<std::size_t>(batch_ * cache.n_head * (length_ + n) * cache.d_head * element));
      bind_output(cache.present, api_.NewValue(next.back().data(), present, cache_type_));
    }
    std::vector<float> logits(static_cast<std::size_t>(batch_ * graph_.vocab_size));
    const std::array<std::int64_t, 3> logits_shape{batch_, 1, graph_.vocab_size};
    bind_output("logits", api_.NewValue(logits.data(), logits_shape, ort::ElementType::kFloat32));
    api_.Check(api_.functions().RunWithBinding(session_.get(), nullptr, binding.get()), "run");
    for (std::size_t i = 0; i < caches_.size(); ++i) caches_[i].values = std::move(next[i]);
    length_ += n;
    return logits;
  }

 private:
  struct Cache {
    std::string past;
    std::string present;
    std::int64_t n_head;
    std::int64_t d_head;
    std::vector<std::byte> values;
  };
  const ort::Api& api_;
  const Graph& graph_;
  std::int64_t batch_;
  ort::ElementType cache_type_;
  std::string bytes_;
  ort::Owned<ort::OrtSession> session_;
  std::vector<Cache> caches_;
  std::int64_t length_ = 0;
};

Architecture RandomShape(Rng& rng) {
  ArchitectureFields fields;
  fields.d_model = 16 * rng.Between(2, 6);
  fields.vocab_size = rng.Between(50, 300);
  fields.max_seq_len = 128;
  for (std::int64_t i = rng.Between(1, 3); i > 0; --i) {
    const std::int64_t heads = std::int64_t{1} << rng.Between(0, 3);
    fields.layers.push_back({heads, heads, rng.Between(8, 200)});
  }
  return Architecture(std::move(fields));
}

TEST(ExportedFile, GivesTheReferencesLogitsInPrefillAndDecode) {
  const ort::Api* api = OpenOrt();
  if (api == nullptr) GTEST_SKIP() << "onnxruntime's library is not here (make onnxruntime)";
  const std::string path = ::testing::TempDir() + "lts_exported_file.onnx";
  Rng rng(11);
  for (int shape = 0; shape < 6; ++shape) {
    const ModelRecipe recipe =
        SharpRecipe(RandomShape(rng), 20 + static_cast<std::uint64_t>(shape));
    const Loaded reference = LoadIntoReference(recipe);
    const Graph& graph = reference.model->graph();
    const std::int64_t batch = rng.Between(1, 3);
    const std::int64_t prompt = rng.Between(1, 40);
    const Tokens tokens = RandomTokens(graph, batch, prompt + kDecodeSteps, 5);
    for (const Variant& variant : kVariants) {
      SCOPED_TRACE(recipe.architecture.ShortName() + ", " + variant.name);
      OnnxFileOptions options;
      options.onnx = variant.options;
      ExportOnnx(Make(recipe), path, options);
      FileRunner file(*api, path, graph, batch, variant.options.dtype);
      SessionOptions session_options;
      session_options.batch = batch;
      session_options.max_tokens = prompt + kDecodeSteps;
      session_options.max_step_tokens = prompt;
      const auto session = reference.model->NewSession(session_options);
      for (std::int64_t at = 0; at < tokens.n();) {
        const std::int64_t count = at == 0 ? prompt : 1;
        const std::vector<float> expected = LastLogits(*session, graph, tokens, at, count);
        const std::vector<float> actual = file.Step(tokens.Slice(at, count));
        ASSERT_LE(MaxRowError(actual, expected, graph.vocab_size), variant.tolerance)
            << "at " << at;
        at += count;
      }
    }
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace lts
