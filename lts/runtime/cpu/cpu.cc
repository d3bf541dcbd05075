#include "lts/runtime/cpu/cpu.h"

#include <string>
#include <utility>

#include "lts/runtime/cpu/kernels/amx.h"
#include "lts/runtime/cpu/kernels/targets.h"
#include "lts/runtime/cpu/plan.h"
#include "lts/runtime/cpu/session.h"
#include "lts/runtime/cpu/weights.h"

namespace lts {
namespace {

class CpuModel final : public LoadedModel {
 public:
  CpuModel(std::shared_ptr<const cpu::Weights> weights, std::shared_ptr<ThreadPool> pool,
           DType kv_dtype)
      : weights_(std::move(weights)), pool_(std::move(pool)), kv_dtype_(kv_dtype) {}
  std::unique_ptr<Session> NewSession(const SessionOptions& options) override {
    return std::make_unique<cpu::CpuSession>(weights_, pool_, kv_dtype_, options);
  }
  const Graph& graph() const override { return weights_->graph(); }

 private:
  // Shared with the sessions, which may outlive this.
  std::shared_ptr<const cpu::Weights> weights_;
  std::shared_ptr<ThreadPool> pool_;
  DType kv_dtype_;
};

class CpuRuntime final : public Runtime {
 public:
  explicit CpuRuntime(const RuntimeOptions& options)
      : dtype_(options.dtype),
        kv_dtype_(options.kv_dtype.value_or(CacheDType(options.dtype))),
        pool_(std::make_shared<ThreadPool>(options.threads)) {}
  std::string_view name() const override { return kCpuRuntime.name; }
  Availability Supports(const Graph& graph) const override { return cpu::CpuSupports(graph); }
  std::unique_ptr<LoadedModel> Load(Model model) override {
    if (Availability can = Supports(model.graph()); !can.ok)
      throw Error(ErrorCode::kUnsupported, can.reason);
    return std::make_unique<CpuModel>(
        std::make_shared<const cpu::Weights>(std::move(model), dtype_, *pool_), pool_, kv_dtype_);
  }

  // Narrow weights are drawn as they are packed; memory never holds them as float32.
  std::unique_ptr<LoadedModel> LoadRandom(const Architecture& architecture, std::uint64_t seed,
                                          Purpose purpose) override {
    if (dtype_ == DType::kFloat32) return Runtime::LoadRandom(architecture, seed, purpose);
    Model model(architecture);
    const Graph graph = model.graph();
    if (Availability can = Supports(graph); !can.ok)
      throw Error(ErrorCode::kUnsupported, can.reason);
    const auto fill = [&](TensorId id, std::int64_t first, std::span<float> values) {
      FillRandomTensor(graph, id, seed, first, values, *pool_);
    };
    return std::make_unique<CpuModel>(
        std::make_shared<const cpu::Weights>(std::move(model), dtype_, *pool_, fill), pool_,
        kv_dtype_);
  }

 private:
  DType dtype_;
  DType kv_dtype_;
  std::shared_ptr<ThreadPool> pool_;
};

std::unique_ptr<Runtime> Create(const RuntimeOptions& options) {
  CheckRuntimeOptions(options);
  ApplyMaxIsa();
  return std::make_unique<CpuRuntime>(options);
}

// Everywhere, unless the environment asks for an instruction set that there is not.
Availability Available(const RuntimeOptions&) {
  try {
    ApplyMaxIsa();
  } catch (const Error& error) {
    return {false, error.what()};
  }
  return {};
}

RuntimeVersions Versions(const RuntimeOptions& options) {
  RuntimeVersions versions{{"Highway", HighwayVersion()}};
  if (!Available(options).ok) return versions;
  std::string isa = KernelTarget();
  if (AmxAvailable()) isa += " AMX";
  versions.emplace_back("isa", std::move(isa));
  return versions;
}

}  // namespace

const RuntimeEntry kCpuRuntime{
    .name = "cpu",
    .summary =
        "packed weights, blocked attention, kernels for this machine's vectors, one thread pool",
    .available = Available,
    .dtypes =
        [] {
          return std::vector<DType>{DType::kFloat32, DType::kBFloat16, DType::kInt8};
        },
    .kv_dtypes =
        [] {
          return std::vector<DType>{DType::kFloat32, DType::kBFloat16, DType::kInt8};
        },
    .versions = Versions,
    .create = Create,
};

}  // namespace lts
