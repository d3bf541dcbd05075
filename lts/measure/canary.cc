#include "lts/measure/canary.h"

#include <fmt/format.h>

#include <utility>

#include "lts/arch/model.h"

namespace lts {
namespace {

constexpr std::uint64_t kWeightSeed = 1;

// Bounds of a believable time, so that a damaged reference is refused rather than divided by.
constexpr double kShortestMs = 1e-6;
constexpr double kLongestMs = 1e9;

}  // namespace

// 2 layers of width 320 and GPT-2's whole vocabulary. Every decode step streams the head, 64 MB,
// and 10 MB of layers: like a candidate's step it is far beyond a core's own cache and feels what
// other tenants do to the shared cache and to the memory bus. A canary that fits into L2 would not.
Architecture CanaryArchitecture() { return Architecture::Gpt2(2, 320, 1280, 5); }

// 256 prompt tokens: two thirds of the prefill are arithmetic and one third is the head's memory
// traffic, as in the candidates of the built-in spaces. Two decode steps, because their mean is
// steadier than one; a run, its untimed step included, takes about 20 ms on two server cores.
Workload CanaryWorkload() {
  Workload workload;
  workload.prompt_tokens = 256;
  workload.output_tokens = 3;
  workload.batch = 1;
  return workload;
}

std::unique_ptr<TimedSubject> MakeCanary(Runtime& runtime) {
  std::shared_ptr<LoadedModel> model = runtime.Load(RandomModel(CanaryArchitecture(), kWeightSeed));
  return MakeSubject(std::move(model), CanaryWorkload());
}

std::string CanaryKey(const RuntimeConfig& config) {
  const Workload workload = CanaryWorkload();
  std::string key = fmt::format("{} p{} o{} b{} {} {} t{}", CanaryArchitecture().Id(),
                                workload.prompt_tokens, workload.output_tokens, workload.batch,
                                config.runtime, kDTypes.Name(config.dtype), config.threads);
  // Only a cache that was asked for, so that references stored before there was a choice hold.
  if (config.cache_dtype() != CacheDType(config.dtype))
    key += fmt::format(" kv-{}", kDTypes.Name(config.cache_dtype()));
  return key;
}

Json ToJson(const CanaryReference& reference) {
  Json json = Json::MakeObject();
  json["ttft_ms"] = reference.ttft_ms;
  json["tpot_ms"] = reference.tpot_ms;
  return json;
}

CanaryReference ParseCanaryReference(const Json& json, const std::string& name) {
  ObjectReader reader(json, name);
  CanaryReference reference;
  reference.ttft_ms = reader.Double("ttft_ms", kShortestMs, kLongestMs);
  reference.tpot_ms = reader.Double("tpot_ms", kShortestMs, kLongestMs);
  reader.RejectUnknown();
  return reference;
}

}  // namespace lts
