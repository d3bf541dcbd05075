#include "lts/job/device_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lts/arch/count.h"
#include "lts/base/aligned_buffer.h"
#include "lts/base/error.h"
#include "lts/measure/canary.h"
#include "lts/measure/memory.h"
#include "lts/measure/runtime_config.h"
#include "lts/runtime/registry/registry.h"

namespace lts {
namespace {

// Beyond eight a round lasts long enough for the first and the last candidate to see different
// machines.
constexpr std::size_t kMaxGroup = 8;
constexpr double kMemoryShare = 0.5;
// A search of a minute has to compare tens of candidates, so it takes fewer rounds than `lts
// measure`; intervals and noise marks say what that costs. A session that the budget ended before
// its last round is not final.
constexpr int kWarmupRuns = 1;
constexpr int kCalibrationRuns = 5;
constexpr std::uint64_t kTimingStream = 1;

bool IsTiming(Metric metric) {
  return metric == Metric::kTtftMs || metric == Metric::kTpotMs || metric == Metric::kLatencyMs;
}

WorkloadCounts CountsOf(const Architecture& architecture, const Workload& workload, DType dtype) {
  return CountWorkload(BuildGraph(architecture),
                       {workload.prompt_tokens, workload.output_tokens, workload.batch}, dtype);
}

}  // namespace

std::unique_ptr<Runtime> CreateRuntimeFor(const SearchSpace& space, const RuntimeConfig& config,
                                          const Workload& workload, std::uint64_t seed) {
  std::unique_ptr<Runtime> runtime = CreateRuntime(config.runtime, OptionsOf(config));
  Rng rng(seed);
  if (const auto genome = space.Sample(rng, workload)) {
    const Availability supported = runtime->Supports(BuildGraph(space.Decode(*genome)));
    if (!supported.ok) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("runtime '{}' cannot run space '{}': {}", config.runtime,
                              space.name(), supported.reason));
    }
  }
  return runtime;
}

ReferenceRule StoredReference(Store& store, const Environment& environment,
                              const RuntimeConfig& config, const std::string& store_name) {
  return [&store, &environment, config, store_name](const CanaryReference& mine) {
    return ParseCanaryReference(
        store.CanaryReference(environment.key(), CanaryKey(config), ToJson(mine)),
        store_name + ": canary reference");
  };
}

DeviceMeter::DeviceMeter(std::unique_ptr<Runtime> runtime, DeviceMeterOptions options, Clock& clock)
    : runtime_(std::move(runtime)),
      options_(std::move(options)),
      clock_(clock),
      rng_(Rng(options_.seed).Split(kTimingStream)) {}

void DeviceMeter::LoadCanary() {
  if (canary_ != nullptr) return;
  options_.on_phase("calibrating");
  canary_ = MakeCanary(*runtime_);
  LatencyOptions latency;
  latency.min_rounds = latency.max_rounds = kCalibrationRuns;
  const CanaryReference now =
      MeasureInterleaved({}, *canary_, CanaryWorkload(), {}, latency, rng_, clock_).reference;
  const WorkloadCounts counts =
      CountsOf(CanaryArchitecture(), CanaryWorkload(), options_.config.dtype);
  flops_per_ms_ = static_cast<double>(counts.prefill_flops) / now.ttft_ms;
  bytes_per_ms_ = static_cast<double>(counts.weight_bytes) / now.tpot_ms;
}

double DeviceMeter::EstimateRunMs(const Architecture& architecture) const {
  const WorkloadCounts counts = CountsOf(architecture, options_.workload, options_.config.dtype);
  const double step_ms = std::max(static_cast<double>(counts.decode_flops) / flops_per_ms_,
                                  static_cast<double>(counts.weight_bytes) / bytes_per_ms_);
  return RunMs(kInUseSampled, options_.workload,
               static_cast<double>(counts.prefill_flops) / flops_per_ms_, step_ms);
}

std::size_t DeviceMeter::GroupEnd(std::span<const Architecture> architectures, std::size_t begin,
                                  bool timing) const {
  if (!timing) return begin + 1;
  const double memory = kMemoryShare * static_cast<double>(AvailableMemoryBytes());
  const double time_ms = options_.group_seconds * 1e3 / (kWarmupRuns + options_.rounds);
  double bytes = 0;
  double ms = 0;
  std::size_t end = begin;
  while (end < architectures.size() && end - begin < kMaxGroup) {
    bytes += static_cast<double>(
        EstimateMemoryNeed(architectures[end], options_.config, options_.workload));
    ms += EstimateRunMs(architectures[end]);
    if (end > begin && (bytes > memory || ms > time_ms)) break;
    ++end;
  }
  return end;
}

void DeviceMeter::Measure(std::span<const Architecture> architectures,
                          std::span<const Metric> metrics, const std::function<bool()>& stop,
                          const Finished& finished) {
  const bool timing = std::any_of(metrics.begin(), metrics.end(), IsTiming);
  const bool memory =
      std::find(metrics.begin(), metrics.end(), Metric::kPeakMemoryMib) != metrics.end();
  if (stop()) return;
  if (timing) LoadCanary();
  for (std::size_t begin = 0; begin < architectures.size() && !stop();) {
    const std::size_t end = GroupEnd(architectures, begin, timing);
    std::vector<std::size_t> group;
    for (std::size_t i = begin; i < end; ++i) {
      try {
        CheckFitsInMemory(architectures[i], options_.config, options_.workload);
        group.push_back(i);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kOutOfMemory) throw;
        finished(i, {});
      }
    }
    if (memory && !ProbeGroup(architectures, group, stop, finished)) return;
    if (timing && !group.empty()) TimeGroup(architectures, group, stop, finished);
    begin = end;
  }
}

// Drops from `group` those that failed. False: the budget ended.
bool DeviceMeter::ProbeGroup(std::span<const Architecture> architectures,
                             std::vector<std::size_t>& group, const Stop& stop,
                             const Finished& finished) {
  std::vector<std::size_t> running;
  for (const std::size_t i : group) {
    if (stop()) return false;
    options_.on_phase("memory of " + architectures[i].ShortName());
    MemoryProbeOptions probe;
    probe.executable = options_.probe_executable;
    probe.stop = stop;
    try {
      finished(i, {PeakMemoryMeasurement(
                      ProbeMemory(architectures[i], options_.config, options_.workload, probe))});
      running.push_back(i);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled && stop()) return false;
      if (error.code() != ErrorCode::kOutOfMemory && error.code() != ErrorCode::kCancelled) throw;
      finished(i, {});
    }
  }
  group = std::move(running);
  return true;
}

void DeviceMeter::TimeGroup(std::span<const Architecture> architectures,
                            const std::vector<std::size_t>& group, const Stop& stop,
                            const Finished& finished) {
  options_.on_phase(
      fmt::format("loading {} candidate{}", group.size(), group.size() == 1 ? "" : "s"));
  std::vector<std::size_t> loaded;
  std::vector<std::unique_ptr<TimedSubject>> subjects;
  for (const std::size_t i : group) {
    if (stop()) return;
    try {
      subjects.push_back(
          MakeSubject(runtime_->LoadRandom(architectures[i], options_.seed, Purpose::kTiming),
                      options_.workload, kInUseSampled));
      loaded.push_back(i);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory) throw;
      finished(i, {});
    }
  }
  if (loaded.empty()) return;

  std::vector<TimedSubject*> pointers;
  pointers.reserve(subjects.size());
  for (const auto& subject : subjects) pointers.push_back(subject.get());
  LatencyOptions latency;
  latency.warmup_runs = kWarmupRuns;
  latency.min_rounds = options_.rounds;
  latency.max_rounds = options_.rounds + (options_.rounds + 2) / 3;
  latency.stop = stop;
  latency.on_round = [this](int round, std::size_t candidates) {
    options_.on_phase(fmt::format("timing {} candidate{}, round {}", candidates,
                                  candidates == 1 ? "" : "s", round));
  };
  const auto reference = [this](const CanaryReference& session) {
    if (!reference_) reference_ = options_.reference(session);
    return *reference_;
  };
  InterleavedResult result =
      MeasureInterleaved(pointers, *canary_, options_.workload, reference, latency, rng_, clock_);
  for (std::size_t k = 0; k < loaded.size(); ++k) {
    LatencyResult& r = result.results[k];
    if (std::ssize(r.total.samples) < options_.rounds) continue;  // cut off: not final
    std::vector<Measurement> measurements;
    measurements.push_back(std::move(r.total));
    measurements.push_back(std::move(r.ttft));
    measurements.push_back(std::move(r.tpot));
    finished(loaded[k], std::move(measurements));
  }
}

}  // namespace lts
