// The real CandidateMeter: times candidates on a runtime, in groups, interleaved with the canary,
// and probes peak memory in child processes.
//
// A group is as many candidates as fit into half of the memory that is available, into
// `group_seconds` of timing (by an estimate from counts and from the canary's speed), and into
// kMaxGroup: interleaving more gains little, and the end of the budget throws away at most one
// group. Within a group memory is probed first, in a child, so that a model that the machine cannot
// hold is found out there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lts/base/rng.h"
#include "lts/job/search_job.h"
#include "lts/measure/latency.h"
#include "lts/runtime/runtime.h"
#include "lts/space/search_space.h"
#include "lts/store/store.h"

namespace lts {

struct DeviceMeterOptions {
  RuntimeConfig config;
  Workload workload;
  std::uint64_t seed = 1;
  double group_seconds = 6;
  // Timed runs of each candidate, and a third more where they are noisy. Below three there is no
  // interval worth the name.
  int rounds = 3;
  std::string probe_executable;  // measure/memory.h
  ReferenceRule reference;       // asked after the first group; its answer holds for all
  std::function<void(const std::string& phase)> on_phase;
};

// The runtime, proven to run what the space holds. Throws kUnsupported, or what CreateRuntime
// throws.
std::unique_ptr<Runtime> CreateRuntimeFor(const SearchSpace& space, const RuntimeConfig& config,
                                          const Workload& workload, std::uint64_t seed);

// The canary's reference of a store: this session's, where it has none yet. `store` and
// `environment` must outlive it.
ReferenceRule StoredReference(Store& store, const Environment& environment,
                              const RuntimeConfig& config, const std::string& store_name);

class DeviceMeter final : public CandidateMeter {
 public:
  DeviceMeter(std::unique_ptr<Runtime> runtime, DeviceMeterOptions options, Clock& clock);

  void set_rounds(int rounds) { options_.rounds = rounds; }  // of what is measured from now on
  // Timing answers kTtftMs, kTpotMs and kLatencyMs whichever of them was asked for. Candidates that
  // do not fit into memory, or whose memory probe runs out of time, fail alone. Throws what loading
  // and probing throw otherwise.
  void Measure(
      std::span<const Architecture> architectures, std::span<const Metric> metrics,
      const std::function<bool()>& stop,
      const std::function<void(std::size_t index, std::vector<Measurement>)>& finished) override;

 private:
  using Stop = std::function<bool()>;
  using Finished = std::function<void(std::size_t index, std::vector<Measurement>)>;

  void LoadCanary();
  double EstimateRunMs(const Architecture& architecture) const;
  std::size_t GroupEnd(std::span<const Architecture> architectures, std::size_t begin,
                       bool timing) const;
  bool ProbeGroup(std::span<const Architecture> architectures, std::vector<std::size_t>& group,
                  const Stop& stop, const Finished& finished);
  void TimeGroup(std::span<const Architecture> architectures, const std::vector<std::size_t>& group,
                 const Stop& stop, const Finished& finished);

  std::unique_ptr<Runtime> runtime_;
  DeviceMeterOptions options_;
  Clock& clock_;
  Rng rng_;
  std::unique_ptr<TimedSubject> canary_;
  std::optional<CanaryReference> reference_;
  double flops_per_ms_ = 0;  // of the canary's prefill
  double bytes_per_ms_ = 0;  // of the canary's decode steps
};

}  // namespace lts
