// The exact front of problems as large as the spaces that it is for: parameters against latency
// against memory. Targets on one core: 2 s for LtsGpt2, 0.5 s for TextPredictor.
//
// Costs are made up, of the form that a fitted model has: TTFT and TPOT are linear in the widths of
// a layer and its heads, in nanoseconds rounded to `unit_ns`. `rough` scales each option's by up to
// 2 % either way, as a table of measured layers would. One latency (TTFT + 63 TPOT) may be a single
// component or two.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "lts/base/rng.h"
#include "lts/search/pareto.h"
#include "lts/search/pareto_dp.h"
#include "lts/search/pareto_dp_test_support.h"

namespace lts {
namespace {

struct Space {
  std::vector<std::int64_t> n_layer;
  std::vector<std::int64_t> d_model;
  std::vector<std::int64_t> d_inner;
  std::vector<std::int64_t> n_head;
  double least_ratio = 0;  // d_inner / d_model
  bool per_layer = true;   // otherwise every d_inner and n_head is a family of its own
  std::int64_t least_params = 0;
  std::int64_t most_params = 0;
};

std::vector<std::int64_t> Range(std::int64_t low, std::int64_t high, std::int64_t step) {
  std::vector<std::int64_t> values;
  for (std::int64_t value = low; value <= high; value += step) values.push_back(value);
  return values;
}

struct Costs {
  bool two_latencies = false;
  bool rough = false;
  double unit_ns = 1000;
};

class Decoders : public SeparableProblem {
 public:
  Decoders(const Space& space, const Costs& costs) : space_(space), costs_(costs) {
    components_.assign(costs.two_latencies ? 4 : 3, Combine::kSum);
    components_.push_back(Combine::kMax);
    for (const std::int64_t d_model : space.d_model) {
      std::vector<Layer> layers;
      for (const std::int64_t d_inner : space.d_inner) {
        if (static_cast<double>(d_inner) < space.least_ratio * static_cast<double>(d_model))
          continue;
        for (const std::int64_t n_head : space.n_head) {
          if (d_model % n_head == 0) layers.push_back({d_inner, n_head});
        }
      }
      if (space.per_layer) {
        families_.emplace_back(d_model, layers);
      } else {
        for (const Layer& layer : layers)
          families_.emplace_back(d_model, std::vector<Layer>{layer});
      }
    }
  }

  std::span<const Combine> components() const override { return components_; }
  std::int64_t objectives() const override { return 3; }
  std::int64_t limits() const override { return 2; }
  std::int64_t families() const override { return std::ssize(families_); }

  Family GetFamily(std::int64_t family) const override {
    const auto& [d_model, layers] = families_[static_cast<std::size_t>(family)];
    Family result;
    for (const std::int64_t n_layer : space_.n_layer) {
      std::vector<std::int64_t> base = {2 * d_model, 4 * 50257 * d_model, Units(4e6)};
      if (costs_.two_latencies) base.push_back(Units(2e6));
      base.push_back(4 * 64 * 4 * d_model);
      result.depths.push_back({n_layer, base});
    }
    Rng rng(static_cast<std::uint64_t>(family) + 1);
    for (const auto& [d_inner, n_head] : layers) {
      const std::int64_t params =
          4 * d_model * d_model + 2 * d_model * d_inner + 9 * d_model + d_inner;
      const double weights = static_cast<double>(params);
      const double heads = static_cast<double>(n_head);
      const double noise = costs_.rough ? 1 + 0.04 * (rng.Uniform() - 0.5) : 1;
      const double ttft = noise * (64 * 2 * weights / 50 + 1500 * heads + 20e3);
      const double tpot = noise * (4 * weights / 10 + 400 * heads + 3e3);
      std::vector<std::int64_t> option = {params, 4 * params};
      if (costs_.two_latencies) {
        option.insert(option.end(), {Units(ttft), Units(63 * tpot)});
      } else {
        option.push_back(Units(ttft + 63 * tpot));
      }
      option.push_back(4 * (64 * (3 * d_model + d_inner) + n_head * 64 * 64));
      result.options.insert(result.options.end(), option.begin(), option.end());
    }
    return result;
  }

  Trend TrendOf(std::int64_t, std::int64_t criterion, std::int64_t component) const override {
    const std::int64_t last = std::ssize(components_) - 1;
    switch (criterion) {
      case 0:
      case 3:
        return component == 0 ? Trend::kDecreasing : Trend::kNone;
      case 1:
        return component > 1 && component < last ? Trend::kIncreasing : Trend::kNone;
      case 2:
        return component == 1 || component == last ? Trend::kIncreasing : Trend::kNone;
      default:
        return component == 0 ? Trend::kIncreasing : Trend::kNone;
    }
  }

  void Objectives(std::int64_t, std::int64_t, std::span<const std::int64_t> totals,
                  std::span<double> out) const override {
    out[0] = -static_cast<double>(totals[0]);
    out[1] = static_cast<double>(totals[2] + (costs_.two_latencies ? totals[3] : 0));
    out[2] = static_cast<double>(totals[1] + totals.back());
  }

  bool Satisfies(std::int64_t limit, std::int64_t, std::int64_t,
                 std::span<const std::int64_t> totals) const override {
    return limit == 0 ? totals[0] >= space_.least_params : totals[0] <= space_.most_params;
  }

 private:
  using Layer = std::pair<std::int64_t, std::int64_t>;  // d_inner, n_head

  std::int64_t Units(double ns) const { return std::llround(ns / costs_.unit_ns); }

  Space space_;
  Costs costs_;
  std::vector<Combine> components_;
  std::vector<std::pair<std::int64_t, std::vector<Layer>>> families_;
};

Space LtsGpt2() {
  return {.n_layer = Range(2, 15, 1),
          .d_model = Range(128, 960, 64),
          .d_inner = Range(128, 4032, 64),
          .n_head = {2, 4, 8},
          .least_ratio = 1.7,
          .least_params = 6'000'000,
          .most_params = 100'000'000};
}

Space TextPredictor() {
  return {.n_layer = Range(6, 18, 1),
          .d_model = Range(512, 2048, 64),
          .d_inner = Range(1024, 8192, 64),
          .n_head = {4, 8, 16, 32},
          .least_ratio = 2,
          .per_layer = false,
          .least_params = 120'000'000,
          .most_params = 180'000'000};
}

// Few enough to enumerate, with the limits inside.
Space Reduced(Space space) {
  space.d_model = {space.d_model.front(), space.d_model[4], space.d_model[9]};
  if (space.per_layer) {
    space.n_layer = {2, 4};
    space.d_inner = Range(256, 4032, 512);
    space.least_params = 1'000'000;
    space.most_params = 10'000'000;
  }
  return space;
}

bool EqualsEnumeration(const Space& space, const Costs& costs) {
  const Decoders decoders(Reduced(space), costs);
  std::vector<std::vector<double>> front;
  for (const ExactMember& member : SolveExactly(decoders).members)
    front.push_back(member.objectives);
  return !front.empty() && front == Enumeration(decoders).front();
}

void Solve(benchmark::State& state, const Space& space, const Costs& costs) {
  if (!EqualsEnumeration(space, costs)) {
    state.SkipWithError("not the front that enumeration finds");
    return;
  }
  const Decoders decoders(space, costs);
  ExactFront front;
  while (state.KeepRunning()) {
    front = SolveExactly(decoders);
    benchmark::DoNotOptimize(front.members.data());
  }
  state.counters["members"] = static_cast<double>(front.members.size());
  state.counters["states"] = static_cast<double>(front.states);
}
BENCHMARK_CAPTURE(Solve, lts_gpt2, LtsGpt2(), {})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Solve, lts_gpt2_rough, LtsGpt2(), {.rough = true})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Solve, lts_gpt2_two_latencies, LtsGpt2(), {.two_latencies = true})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Solve, lts_gpt2_two_latencies_rough, LtsGpt2(),
                  {.two_latencies = true, .rough = true})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Solve, text_predictor, TextPredictor(), {})->Unit(benchmark::kMillisecond);

// The merge by itself. Checked against comparing all pairs on the first points.
void Front(benchmark::State& state, bool conflict) {
  const std::int64_t objectives = state.range(0);
  const std::int64_t count = state.range(1);
  Rng rng(1);
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k + 1 < objectives; ++k) sum += values.emplace_back(rng.Uniform());
    values.push_back(conflict ? 0.01 * rng.Uniform() - sum : rng.Uniform());
  }
  const std::span<const double> few =
      std::span(values).first(static_cast<std::size_t>(objectives * 500));
  const auto point = [&](std::int64_t i) {
    return few.subspan(static_cast<std::size_t>(i * objectives),
                       static_cast<std::size_t>(objectives));
  };
  std::vector<std::int64_t> expected;
  for (std::int64_t i = 0; i < 500; ++i) {
    bool beaten = false;
    for (std::int64_t j = 0; j < 500; ++j) beaten = beaten || Dominates(point(j), point(i));
    if (!beaten) expected.push_back(i);
  }
  if (ParetoFront(few, objectives) != expected) {
    state.SkipWithError("not the front that comparing all pairs finds");
    return;
  }
  std::size_t size = 0;
  while (state.KeepRunning()) size = ParetoFront(values, objectives).size();
  state.counters["members"] = static_cast<double>(size);
}
BENCHMARK_CAPTURE(Front, random, false)
    ->Args({3, 100'000})
    ->Args({4, 100'000})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Front, conflict, true)
    ->Args({3, 100'000})
    ->Args({4, 100'000})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lts

BENCHMARK_MAIN();
