// A model as ONNX Runtime has it: the graph as a ModelProto without weights, the weights by
// pointer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lts/arch/graph.h"
#include "lts/export/onnx.h"
#include "lts/runtime/ort/ort_api.h"
#include "lts/runtime/ort/provider.h"
#include "lts/runtime/ort/weights.h"

namespace lts::ort {

// What a session computes on.
struct Device {
  int threads = 1;
  std::string provider{kCpuProvider};  // a name of FindProvider
};

// How a graph is best written for the library: with its own operators and a cache in place, with
// its own operators, or with standard ones; all_logits stays false. When none can be: why the last
// one cannot. Without `fused` only the last is tried.
struct Variant {
  Availability can;
  OnnxOptions options;
};
Variant ChooseVariant(const Graph& graph, bool fused = true);

// Keys or values of one layer: [batch, n_head, tokens, d_head].
struct LayerCache {
  std::int64_t n_head = 1;
  std::int64_t d_head = 1;
  OnnxCacheNames names;
};

std::vector<LayerCache> LayersOf(const Graph& graph);

// A session of the library; read-only once built, serves any number of contexts one after another.
class Engine {
 public:
  // `options` are ones that SupportsOnnx accepts. Takes the time to optimise the graph and to pack
  // the matrices, for which the library makes a copy of each. Throws kOutOfMemory before, when the
  // copies cannot fit, and what the library has against the model.
  Engine(const Api& api, const Device& device, std::shared_ptr<const Weights> weights,
         const OnnxOptions& options);

  const Api& api() const { return api_; }
  const Graph& graph() const { return weights_->graph; }
  std::int64_t weight_bytes() const { return weights_->bytes; }
  const OnnxOptions& options() const { return options_; }
  const std::vector<LayerCache>& layers() const { return layers_; }
  OrtSession& session() const { return *session_; }

 private:
  const Api& api_;
  std::shared_ptr<const Weights> weights_;  // the session reads them: released after it
  OnnxOptions options_;
  std::vector<LayerCache> layers_;
  Owned<OrtSession> session_;
};

}  // namespace lts::ort
