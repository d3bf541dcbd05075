#include "lts/runtime/ort/engine.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/runtime/runtime.h"

namespace lts::ort {
namespace {

constexpr int kSequential = 0;
constexpr int kLogFatal = 4;  // its errors come back as statuses and are told once
constexpr int kAllOptimisations = 99;

Owned<OrtSession> LoadSession(const Api& api, const Device& device, const Weights& weights,
                              const OnnxOptions& options) {
  const Functions& ort = api.functions();
  const OnnxSkeleton skeleton = BuildOnnxSkeleton(weights.graph, options);
  const Owned<OrtSessionOptions> session_options = api.NewSessionOptions();
  OrtSessionOptions* const so = session_options.get();
  api.Check(ort.SetSessionExecutionMode(so, kSequential), "execution mode");
  api.Check(ort.SetSessionLogSeverityLevel(so, kLogFatal), "log");
  api.Check(ort.SetSessionGraphOptimizationLevel(so, kAllOptimisations), "optimisation level");
  api.Check(ort.SetIntraOpNumThreads(so, device.threads), "threads");
  api.Check(ort.SetInterOpNumThreads(so, 1), "threads");
  // Within a step idle threads spin, as they do by default; between steps they sleep, or those of
  // one model would take the cores from the next one that is timed.
  api.Check(ort.AddSessionConfigEntry(so, "session.intra_op.allow_spinning", "1"), "spinning");
  api.Check(ort.AddSessionConfigEntry(so, "session.force_spinning_stop", "1"), "spinning");

  AppendProvider(api, device.provider, *so);
  const bool on_cpu = device.provider == kCpuProvider;

  std::vector<Owned<OrtValue>> values;
  std::vector<const OrtValue*> views;
  std::vector<const char*> names;
  for (const OnnxWeight& weight : skeleton.weights) {
    values.push_back(api.NewValue(weights.tensors[static_cast<std::size_t>(weight.tensor)],
                                  weight.shape, ElementType::kFloat32));
    views.push_back(values.back().get());
    names.push_back(weight.name.c_str());
    // The library copies what it is given as external; this makes it drop the copy again and read
    // the original, where it needs one. Other providers keep weights in memory of their own.
    if (weights.viewed && on_cpu) {
      api.Check(ort.AddInitializer(so, names.back(), views.back()), weight.name);
    }
  }
  api.Check(ort.AddExternalInitializers(so, names.data(), views.data(), views.size()), "weights");
  return api.NewSession(skeleton.model, *so);
}

}  // namespace

std::vector<LayerCache> LayersOf(const Graph& graph) {
  std::vector<LayerCache> layers;
  for (const Op& op : graph.ops) {
    const auto* attention = std::get_if<AttentionOp>(&op.attributes);
    if (attention == nullptr) continue;
    layers.push_back({attention->n_kv_head, attention->d_head, CacheNamesOf(attention->layer)});
  }
  return layers;
}

Variant ChooseVariant(const Graph& graph, bool fused) {
  Variant variant;
  for (const OnnxOptions& options : {OnnxOptions{.fused = true, .shared_cache = true},
                                     OnnxOptions{.fused = true}, OnnxOptions{}}) {
    if (options.fused && !fused) continue;
    variant = {SupportsOnnx(graph, options), options};
    if (variant.can.ok) break;
  }
  return variant;
}

Engine::Engine(const Api& api, const Device& device, std::shared_ptr<const Weights> weights,
               const OnnxOptions& options)
    : api_(api),
      weights_(std::move(weights)),
      options_(options),
      layers_(LayersOf(weights_->graph)) {
  // The library's copy, and what it packs.
  CheckMemory(CheckedMul(2, weights_->bytes), "onnxruntime model (its copies of the weights)");
  session_ = LoadSession(api_, device, *weights_, options_);
}

}  // namespace lts::ort
