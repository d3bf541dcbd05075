#include "lts/runtime/ort/ort.h"

#include <fmt/format.h>

#include <mutex>
#include <utility>

#include "lts/runtime/ort/engine.h"
#include "lts/runtime/ort/library.h"
#include "lts/runtime/ort/session.h"
#include "lts/runtime/ort/weights.h"

namespace lts {
namespace {

class OrtModel final : public LoadedModel {
 public:
  OrtModel(const ort::Api& api, int threads, ort::Weights weights, const OnnxOptions& variant)
      : api_(api),
        threads_(threads),
        weights_(std::make_shared<const ort::Weights>(std::move(weights))),
        variant_(variant) {}

  std::unique_ptr<Session> NewSession(const SessionOptions& options) override {
    CheckSessionOptions(options, graph());
    ort::CheckSessionMemory(graph(), variant_, options);
    return std::make_unique<ort::Context>(EngineFor(options.all_logits), options);
  }
  const Graph& graph() const override { return weights_->graph; }

 private:
  // All logits are another graph: each is made when the first session needs it.
  std::shared_ptr<const ort::Engine> EngineFor(bool all_logits) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<const ort::Engine>& engine = engines_[all_logits ? 1 : 0];
    if (engine == nullptr) {
      OnnxOptions options = variant_;
      options.all_logits = all_logits;
      engine = std::make_shared<const ort::Engine>(api_, threads_, weights_, options);
    }
    return engine;
  }

  const ort::Api& api_;
  int threads_;
  std::shared_ptr<const ort::Weights> weights_;
  OnnxOptions variant_;
  std::mutex mutex_;
  std::shared_ptr<const ort::Engine> engines_[2];  // guarded by mutex_
};

class OrtRuntime final : public Runtime {
 public:
  OrtRuntime(const ort::Api& api, int threads) : api_(api), threads_(threads) {}
  std::string_view name() const override { return kOrtRuntime.name; }
  Availability Supports(const Graph& graph) const override { return Choose(graph).can; }
  std::unique_ptr<LoadedModel> Load(Model model) override {
    return LoadWeights(ort::OwnWeights(std::move(model)));
  }
  std::unique_ptr<LoadedModel> LoadRandom(const Architecture& architecture, std::uint64_t seed,
                                          Purpose purpose) override {
    Graph graph = BuildGraph(architecture);
    return LoadWeights(purpose == Purpose::kMemory ? ort::HollowWeights(std::move(graph), seed)
                                                   : shared_weights_.For(graph, seed));
  }

 private:
  ort::Variant Choose(const Graph& graph) const {
    if (graph.d_model == 1) {  // 1.22 and 1.23 do; nobody needs what later ones allow
      return {{false,
               "onnxruntime: got d_model = 1, expected at least 2: it refuses to normalise "
               "rows of a single value"},
              {}};
    }
    return ort::ChooseVariant(graph, api_.has_sound_fused_attention());
  }
  std::unique_ptr<LoadedModel> LoadWeights(ort::Weights weights) const {
    const ort::Variant variant = Choose(weights.graph);
    if (!variant.can.ok) throw Error(ErrorCode::kUnsupported, variant.can.reason);
    return std::make_unique<OrtModel>(api_, threads_, std::move(weights), variant.options);
  }

  const ort::Api& api_;
  int threads_;
  ort::SharedWeights shared_weights_;
};

const ort::Api& Library(const RuntimeOptions& options) {
  return ort::OpenLibrary(ort::PlacesHere(options.library));
}

Availability Available(const RuntimeOptions& options) {
  try {
    Library(options);
    return {};
  } catch (const Error& error) {
    return {false, error.what()};
  }
}

RuntimeVersions Versions(const RuntimeOptions& options) {
  try {
    return {{"onnxruntime", Library(options).version()}};
  } catch (const Error&) {
    return {};  // Available() says why
  }
}

std::unique_ptr<Runtime> Create(const RuntimeOptions& options) {
  CheckRuntimeOptions(options);
  if (options.dtype != DType::kFloat32) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the onnxruntime runtime has no dtype '{}', only 'f32'",
                            kDTypes.Name(options.dtype)));
  }
  return std::make_unique<OrtRuntime>(Library(options), options.threads);
}

}  // namespace

const RuntimeEntry kOrtRuntime{
    .name = "onnxruntime",
    .summary =
        "Microsoft's ONNX Runtime, opened at run time: its CPU provider, operators and threads",
    .library = "libonnxruntime.so",
    .allocates_in_step = true,
    .available = Available,
    .dtypes = [] { return std::vector<DType>{DType::kFloat32}; },
    .versions = Versions,
    .create = Create,
};

}  // namespace lts
