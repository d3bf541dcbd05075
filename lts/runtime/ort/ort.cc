#include "lts/runtime/ort/ort.h"

#include <fmt/format.h>

#include <mutex>
#include <utility>

#include "lts/runtime/ort/engine.h"
#include "lts/runtime/ort/library.h"
#include "lts/runtime/ort/provider.h"
#include "lts/runtime/ort/session.h"
#include "lts/runtime/ort/version.h"
#include "lts/runtime/ort/weights.h"

namespace lts {
namespace {

class OrtModel final : public LoadedModel {
 public:
  OrtModel(const ort::Api& api, ort::Device device, ort::Weights weights,
           const OnnxOptions& variant)
      : api_(api),
        device_(std::move(device)),
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
      engine = std::make_shared<const ort::Engine>(api_, device_, weights_, options);
    }
    return engine;
  }

  const ort::Api& api_;
  ort::Device device_;
  std::shared_ptr<const ort::Weights> weights_;
  OnnxOptions variant_;
  std::mutex mutex_;
  std::shared_ptr<const ort::Engine> engines_[2];  // guarded by mutex_
};

class OrtRuntime final : public Runtime {
 public:
  OrtRuntime(const ort::Api& api, ort::Device device) : api_(api), device_(std::move(device)) {}
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
    // Other providers have the fused operators for other types only, and a cache of theirs is
    // copied to and from main memory: nothing is in place.
    return ort::ChooseVariant(graph, device_.provider == ort::kCpuProvider &&
                                         ort::HasSoundFusedAttention(api_.version()));
  }
  std::unique_ptr<LoadedModel> LoadWeights(ort::Weights weights) const {
    const ort::Variant variant = Choose(weights.graph);
    if (!variant.can.ok) throw Error(ErrorCode::kUnsupported, variant.can.reason);
    return std::make_unique<OrtModel>(api_, device_, std::move(weights), variant.options);
  }

  const ort::Api& api_;
  ort::Device device_;
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
    const ort::Api& api = Library(options);
    return {{"onnxruntime", api.version()},
            {"onnxruntime provider", ort::FindProvider(api, options.provider)}};
  } catch (const Error&) {
    return {};  // Available() or Create() says why
  }
}

std::vector<std::string> Providers(const RuntimeOptions& options) {
  try {
    return ort::AvailableProviders(Library(options));
  } catch (const Error&) {
    return {};
  }
}

std::unique_ptr<Runtime> Create(const RuntimeOptions& options) {
  CheckRuntimeOptions(options);
  CheckKvDType(kOrtRuntime, options);
  if (options.dtype != DType::kFloat32) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the onnxruntime runtime has no dtype '{}', only 'f32'",
                            kDTypes.Name(options.dtype)));
  }
  const ort::Api& api = Library(options);
  const ort::Device device{options.threads, ort::FindProvider(api, options.provider)};
  // Now rather than with the first model.
  ort::AppendProvider(api, device.provider, *api.NewSessionOptions());
  return std::make_unique<OrtRuntime>(api, device);
}

}  // namespace

const RuntimeEntry kOrtRuntime{
    .name = "onnxruntime",
    .summary = "Microsoft's ONNX Runtime, opened at run time: its providers, operators and threads",
    .library = "libonnxruntime.so",
    .allocates_in_step = true,
    .available = Available,
    .dtypes = [] { return std::vector<DType>{DType::kFloat32}; },
    .versions = Versions,
    .providers = Providers,
    .create = Create,
};

}  // namespace lts
