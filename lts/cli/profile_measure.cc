#include "lts/cli/profile_measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include "lts/arch/graph.h"
#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/base/stats.h"
#include "lts/cli/architecture_input.h"
#include "lts/measure/canary.h"
#include "lts/measure/environment_probe.h"
#include "lts/measure/memory.h"
#include "lts/measure/rapl.h"
#include "lts/measure/runtime_config.h"
#include "lts/runtime/registry/registry.h"
#include "lts/store/store.h"

namespace lts::cli {
namespace {

constexpr std::uint64_t kSeed = 1;

// The longest generation of the grid that the model's context allows.
Workload LongestOf(const GridOptions& grid, std::int64_t max_seq_len) {
  Workload workload;
  workload.prompt_tokens = std::min(grid.prompt_sizes.back(), max_seq_len);
  workload.output_tokens = 1;
  for (const std::int64_t prompt : grid.prompt_sizes) {
    for (const std::int64_t output : grid.output_sizes) {
      if (prompt > max_seq_len - output + 1) continue;
      if (prompt + output > workload.context_tokens() + 1) {
        workload.prompt_tokens = prompt;
        workload.output_tokens = output;
      }
    }
  }
  return workload;
}

Measurement LatencyOf(const GridPoint& point) {
  Measurement measurement;
  measurement.metric = Metric::kLatencyMs;
  for (const double seconds : point.samples) measurement.samples.push_back(seconds * 1e3);
  measurement.value = Median(measurement.samples);
  const Interval interval = MedianInterval(measurement.samples);
  measurement.low = interval.low;
  measurement.high = interval.high;
  measurement.p95 = Quantile(measurement.samples, 0.95);
  measurement.source = "profile, canary-corrected";
  return measurement;
}

}  // namespace

std::vector<CostProfile> MeasureProfiles(const ProfileMeasureOptions& options, Context& context) {
  const RuntimeConfig config = options.run.Config();
  std::vector<NamedArchitecture> models;
  for (const std::string& file : options.files) {
    models.push_back(ReadNamedArchitecture(file, context));
  }
  const std::unique_ptr<Runtime> runtime = CreateRuntime(config.runtime, OptionsOf(config));
  for (const NamedArchitecture& model : models) {
    const Availability supported = runtime->Supports(BuildGraph(model.architecture));
    if (!supported.ok) {
      throw Error(ErrorCode::kUnsupported, model.name + ": " + supported.reason);
    }
    CheckFitsInMemory(model.architecture, config,
                      LongestOf(options.grid, model.architecture.max_seq_len()));
  }
  const Environment environment = ProbeEnvironment(config);
  std::optional<Store> store;
  if (!options.store.empty()) store.emplace(options.store);
  const std::unique_ptr<TimedSubject> canary = MakeCanary(*runtime);
  InstallSignalHandlers();

  std::optional<CanaryReference> reference;  // one for all models
  GridOptions grid = options.grid;
  grid.stop = [] { return g_interrupted != 0; };
  grid.reference = [&](const CanaryReference& session) {
    if (g_interrupted != 0) return session;  // its results are thrown away
    if (!reference) {
      reference =
          store ? ParseCanaryReference(
                      store->CanaryReference(environment.key(), CanaryKey(config), ToJson(session)),
                      options.store)
                : session;
    }
    return *reference;
  };

  EnergyCounter energy;
  if (energy.availability().ok) grid.joules = [&] { return energy.Joules(); };
  SystemClock clock;
  Rng rng(kSeed);
  std::vector<CostProfile> profiles;
  for (const NamedArchitecture& model : models) {
    grid.on_group = [&](std::size_t sizes) {
      if (context.quiet) return;
      context.err << fmt::format("{}: timing {} prompt sizes on {}, {} threads\n", model.name,
                                 sizes, config.runtime, config.threads);
    };
    const std::int64_t max_seq_len = model.architecture.max_seq_len();
    const Workload longest = LongestOf(grid, max_seq_len);
    const std::int64_t largest_prompt = std::min(grid.prompt_sizes.back(), max_seq_len);
    // The warm-up of a run takes up to 64 steps.
    const std::int64_t context_tokens =
        std::min(std::max<std::int64_t>(longest.context_tokens(), 66), max_seq_len);
    const std::unique_ptr<Generation> generation =
        MakeGeneration(runtime->LoadRandom(model.architecture, kSeed, Purpose::kTiming),
                       largest_prompt, context_tokens);
    MeasuredGrid measured = MeasureGrid(*generation, max_seq_len, *canary, grid, rng, clock);
    if (g_interrupted != 0) throw Error(ErrorCode::kCancelled, "interrupted");
    CostProfile& profile = measured.profile;
    profile.name = model.name;
    profile.source = fmt::format("{} on {}, {}, {} threads", model.name, config.runtime,
                                 kDTypes.Name(config.dtype), config.threads);
    profile.deployment = Deployment{model.architecture, 1, 1};
    profile.notes.push_back(fmt::format(
        "took {:.0f} s; the machine ran at {:.2f} to {:.2f} of the canary's reference, corrected",
        measured.seconds, 1 / measured.drift_high, 1 / measured.drift_low));
    profile.notes.push_back(
        profile.watts ? fmt::format("the processor drew {:.1f} W meanwhile (RAPL)", *profile.watts)
                      : "energy was not measured: " + energy.availability().reason);
    if (store) {
      for (const GridPoint& point : profile.points) {
        const Workload workload = {point.prompt_tokens, point.output_tokens, 1};
        store->SaveEvaluation(model.architecture, {environment.key(), config, workload},
                              environment, {LatencyOf(point)});
      }
    }
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

}  // namespace lts::cli
