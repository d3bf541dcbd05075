#include "lts/runtime/reference/reference.h"

#include <fmt/format.h>

#include <utility>

#include "lts/runtime/reference/interpreter.h"

namespace lts {
namespace {

using reference::BoundGraph;
using reference::Interpreter;
using reference::InterpreterSupports;

class ReferenceModel final : public LoadedModel {
 public:
  explicit ReferenceModel(Model model) {
    auto owned = std::make_shared<const Model>(std::move(model));
    auto bound = std::make_shared<BoundGraph>();
    bound->graph = owned->graph();
    for (std::size_t i = 0; i < bound->graph.tensors.size(); ++i) {
      bound->tensors.push_back(owned->tensor(static_cast<TensorId>(i)));
    }
    bound->weight_bytes = owned->weight_bytes();
    bound->storage = std::move(owned);
    bound_ = std::move(bound);
  }

  std::unique_ptr<Session> NewSession(const SessionOptions& options) override {
    return std::make_unique<Interpreter>(bound_, options);
  }
  const Graph& graph() const override { return bound_->graph; }

 private:
  std::shared_ptr<const BoundGraph> bound_;  // shared with the sessions, which may outlive this
};

class ReferenceRuntime final : public Runtime {
 public:
  std::string_view name() const override { return kReferenceRuntime.name; }
  Availability Supports(const Graph& graph) const override { return InterpreterSupports(graph); }
  std::unique_ptr<LoadedModel> Load(Model model) override {
    if (Availability can = Supports(model.graph()); !can.ok) {
      throw Error(ErrorCode::kUnsupported, can.reason);
    }
    return std::make_unique<ReferenceModel>(std::move(model));
  }
};

std::unique_ptr<Runtime> Create(const RuntimeOptions& options) {
  CheckRuntimeOptions(options);
  CheckKvDType(kReferenceRuntime, options);
  if (options.dtype != DType::kFloat32) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the reference runtime has no dtype '{}', only 'f32'",
                            kDTypes.Name(options.dtype)));
  }
  return std::make_unique<ReferenceRuntime>();
}

}  // namespace

const RuntimeEntry kReferenceRuntime{
    .name = "reference",
    .summary = "plain loops on one thread in float64: what every other runtime is held against",
    .available = [](const RuntimeOptions&) { return Availability{}; },
    .dtypes = [] { return std::vector<DType>{DType::kFloat32}; },
    .versions = [](const RuntimeOptions&) { return RuntimeVersions{}; },
    .create = Create,
};

}  // namespace lts
