// Every registered search algorithm against the others, at equal numbers of evaluations on every
// preset, on a synthetic device: what is compared is how good a front an algorithm finds, not how
// fast anything runs.
//   rivals_bench [--seeds 5] [--space NAME] [EVALUATIONS...]        default: 100 300 1000
// The device is a deterministic function of the architecture: a roofline over the real counts of
// FLOPs and bytes, with an efficiency of each layer's shape that jumps from shape to shape as that
// of real kernels does, and an overhead for each layer. Algorithms see it through noise of 1.5 %
// (latency) and 0.2 % (memory), drawn from seed and architecture. What is printed is the
// hypervolume of the *true* values of the members of the front that each algorithm reports, as a
// share of the box of all runs on that preset (search/reference_box.h): mean, standard deviation
// and least over the seeds. Objectives: decoder_params up, latency_ms and peak_memory_mib down. Not
// Google Benchmark: nothing is timed against a clock but the algorithms' own share. Exit code 1
// when a run is not what it should be, 2 on bad usage.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/count.h"
#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/base/stats.h"
#include "lts/search/reference_box.h"
#include "lts/search/search.h"

namespace {

using lts::Architecture;
using lts::Point;
using lts::Score;

constexpr double kLatencyNoise = 0.015;
constexpr double kMemoryNoise = 0.002;
constexpr lts::Workload kWorkload{.prompt_tokens = 192, .output_tokens = 32, .batch = 1};

std::uint64_t Mix(std::uint64_t hash, std::uint64_t value) {  // splitmix64's finaliser
  hash = (hash ^ value) * 0x9E3779B97F4A7C15U;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9U;
  return hash ^ (hash >> 31);
}

// In [-1, 1]: how well the kernels like the shape of a layer.
double Liking(const Architecture& a, const lts::LayerShape& layer) {
  std::uint64_t hash = Mix(1, static_cast<std::uint64_t>(a.d_model()));
  hash = Mix(hash, static_cast<std::uint64_t>(layer.d_inner));
  hash = Mix(hash, static_cast<std::uint64_t>(layer.n_head));
  return static_cast<double>(hash >> 11) * 0x1p-52 - 1;
}

struct Truth {
  double params = 0;
  double ttft_ms = 0;
  double tpot_ms = 0;
  double memory_mib = 0;
  double latency_ms() const {
    return ttft_ms + static_cast<double>(kWorkload.output_tokens - 1) * tpot_ms;
  }
};

// Without noise.
Truth TrueValues(const Architecture& a) {
  const lts::Graph graph = lts::BuildGraph(a);
  const lts::WorkloadCounts counts =
      lts::CountWorkload(graph, {kWorkload.prompt_tokens, kWorkload.output_tokens, kWorkload.batch},
                         lts::DType::kFloat32);
  double liking = 0;
  double heads = 0;
  for (const lts::LayerShape& layer : a.layers()) {
    liking += Liking(a, layer);
    heads += static_cast<double>(layer.n_head);
  }
  const auto layers = static_cast<double>(a.n_layer());
  const double efficiency =
      (1 - 40 / (static_cast<double>(a.d_model()) + 160)) * (1 + 0.08 * liking / layers);
  const double prefill_ms = static_cast<double>(counts.prefill_flops) / (60e6 * efficiency);
  const double step_ms = static_cast<double>(counts.decode_bytes) / 12e6 + 0.02 * layers;
  const double memory_mib = static_cast<double>(counts.weight_bytes + counts.kv_cache_bytes +
                                                counts.peak_activation_bytes) /
                                1048576 +
                            3 + 0.05 * layers;
  return {static_cast<double>(lts::CountParameters(graph).decoder()), prefill_ms + 0.004 * heads,
          step_ms, memory_mib};
}

class SyntheticDevice final : public lts::Evaluator {
 public:
  explicit SyntheticDevice(std::uint64_t seed) : seed_(seed) {}

  std::vector<Score> Evaluate(std::span<const lts::Candidate> candidates) override {
    std::vector<Score> scores;
    for (const lts::Candidate& candidate : candidates) {
      Truth seen = true_values_[candidate.id] = TrueValues(candidate.architecture);
      std::uint64_t hash = Mix(2, seed_);
      for (const char c : candidate.id) hash = Mix(hash, static_cast<unsigned char>(c));
      lts::Rng rng(hash);
      seen.ttft_ms *= std::exp(kLatencyNoise * rng.Normal());
      seen.tpot_ms *= std::exp(kLatencyNoise * rng.Normal());
      seen.memory_mib *= std::exp(kMemoryNoise * rng.Normal());
      Score score;
      score.objectives = {seen.params, seen.latency_ms(), seen.memory_mib};
      const double noise[] = {0, kLatencyNoise, kMemoryNoise};
      for (std::size_t k = 0; k < score.objectives.size(); ++k) {
        const double value = score.objectives[k];
        score.intervals.push_back({value * (1 - 2 * noise[k]), value * (1 + 2 * noise[k])});
      }
      const auto measured = [&](lts::Metric metric, double value, double relative) {
        lts::Measurement m;
        m.metric = metric;
        m.value = m.p95 = value;
        m.low = value * (1 - 2 * relative);
        m.high = value * (1 + 2 * relative);
        score.measurements.push_back(std::move(m));
      };
      measured(lts::Metric::kTtftMs, seen.ttft_ms, kLatencyNoise);
      measured(lts::Metric::kTpotMs, seen.tpot_ms, kLatencyNoise);
      measured(lts::Metric::kPeakMemoryMib, seen.memory_mib, kMemoryNoise);
      scores.push_back(std::move(score));
    }
    return scores;
  }

  // Minimised.
  Point True(const std::string& id) const {
    const Truth& truth = true_values_.at(id);
    return {-truth.params, truth.latency_ms(), truth.memory_mib};
  }

 private:
  std::uint64_t seed_;
  std::map<std::string, Truth> true_values_;
};

struct Outcome {
  std::vector<Point> front;  // true values of the members that the algorithm reports
  std::int64_t evaluated = 0;
  double own_s = 0;  // of search and synthetic device together
};

Outcome Run(const lts::SearchAlgorithm& algorithm, const lts::SearchSpace& space,
            std::uint64_t seed, std::int64_t evaluations) {
  SyntheticDevice device(seed);
  lts::SearchOptions options;
  options.objectives = {
      {"decoder_params", lts::Direction::kMaximize}, {"latency_ms"}, {"peak_memory_mib"}};
  options.seed = seed;
  options.max_evaluations = evaluations;
  options.workload = kWorkload;
  const auto begin = std::chrono::steady_clock::now();
  const lts::SearchResult result = algorithm.run(space, options, device, nullptr);
  Outcome outcome;
  outcome.own_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  outcome.evaluated = std::ssize(result.evaluated);
  for (const std::int64_t i : result.front) {
    outcome.front.push_back(
        device.True(result.evaluated[static_cast<std::size_t>(i)].candidate.id));
  }
  if (outcome.front.empty() || outcome.evaluated > evaluations) {
    throw lts::Error(lts::ErrorCode::kInvalidArgument,
                     fmt::format("{} on {}, seed {}: {} evaluated, a front of {}; expected at most "
                                 "{} evaluated and a front",
                                 algorithm.name, space.name(), seed, outcome.evaluated,
                                 outcome.front.size(), evaluations));
  }
  return outcome;
}

void Compare(const lts::SearchSpace& space, std::int64_t seeds,
             const std::vector<std::int64_t>& budgets) {
  // One box for all that is printed of a space.
  std::map<std::pair<std::string_view, std::int64_t>, std::vector<Outcome>> outcomes;
  std::vector<std::vector<Point>> fronts;
  for (const std::int64_t evaluations : budgets) {
    for (std::int64_t seed = 1; seed <= seeds; ++seed) {
      for (const lts::SearchAlgorithm* algorithm : lts::SearchAlgorithms()) {
        Outcome outcome = Run(*algorithm, space, static_cast<std::uint64_t>(seed), evaluations);
        fronts.push_back(outcome.front);
        outcomes[{algorithm->name, evaluations}].push_back(std::move(outcome));
      }
    }
  }
  const lts::ReferenceBox box = lts::BoxOfUnion(fronts);
  for (const std::int64_t evaluations : budgets) {
    for (const lts::SearchAlgorithm* algorithm : lts::SearchAlgorithms()) {
      std::vector<double> volumes;
      std::vector<double> sizes;
      std::vector<double> own_s;
      for (const Outcome& outcome : outcomes[{algorithm->name, evaluations}]) {
        volumes.push_back(lts::HypervolumeShare(outcome.front, box));
        sizes.push_back(static_cast<double>(outcome.front.size()));
        own_s.push_back(outcome.own_s);
      }
      fmt::print("{:<16} {:>6} {:<18} {:>8.4f} {:>8.4f} {:>8.4f} {:>7.0f} {:>9.3f}\n", space.name(),
                 evaluations, algorithm->name, lts::Mean(volumes), lts::StandardDeviation(volumes),
                 *std::ranges::min_element(volumes), lts::Mean(sizes), lts::Mean(own_s));
    }
  }
}

int BadUsage(std::string_view argument) {
  fmt::print(stderr,
             "rivals_bench: got '{}'; usage: rivals_bench [--seeds 5] [--space NAME] "
             "[EVALUATIONS...]\n",
             argument);
  return 2;
}

// 0 when the text is no number above 0.
std::int64_t ParseCount(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 ? value : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::int64_t seeds = 5;
  std::string only;
  std::vector<std::int64_t> budgets;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--space" && i + 1 < argc) {
      only = argv[++i];
    } else if (argument == "--seeds" && i + 1 < argc) {
      seeds = ParseCount(argv[++i]);
      if (seeds == 0) return BadUsage(argv[i]);
    } else if (const std::int64_t evaluations = ParseCount(argument); evaluations > 0) {
      budgets.push_back(evaluations);
    } else {
      return BadUsage(argument);
    }
  }
  if (budgets.empty()) budgets = {100, 300, 1000};
  try {
    fmt::print("{:<16} {:>6} {:<18} {:>8} {:>8} {:>8} {:>7} {:>9}\n", "space", "evals", "algorithm",
               "mean", "std", "least", "front", "seconds");
    std::vector<std::string> names;
    for (const lts::SpaceFields& preset : lts::SpacePresets()) names.push_back(preset.name);
    if (!only.empty()) names = {only};
    for (const std::string& name : names) Compare(lts::LoadSpace(name), seeds, budgets);
  } catch (const lts::Error& error) {
    fmt::print(stderr, "rivals_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
