// How well a cheap profile predicts: a decoder of 13.3 M parameters (10 layers, of a published
// front) is profiled adaptively on the cpu runtime, then 30 pairs of prompt and output tokens that
// are not on its grid are timed and held against what the profile says of them. Both timings are
// corrected to one speed of the machine.
//   grid_bench [SEED]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>

#include "lts/arch/architecture.h"
#include "lts/base/clock.h"
#include "lts/base/stats.h"
#include "lts/base/thread_pool.h"
#include "lts/measure/canary.h"
#include "lts/profile/grid_meter.h"
#include "lts/profile/request_fit.h"
#include "lts/runtime/registry/registry.h"

namespace {

// `count` sizes in [low, high] that are not in `taken`, ascending.
std::vector<std::int64_t> Unseen(std::size_t count, std::int64_t low, std::int64_t high,
                                 const std::vector<std::int64_t>& taken, lts::Rng& rng) {
  std::set<std::int64_t> sizes;
  while (sizes.size() < count) {
    const std::int64_t size = rng.Between(low, high);
    if (std::ranges::find(taken, size) == taken.end()) sizes.insert(size);
  }
  return {sizes.begin(), sizes.end()};
}

}  // namespace

int main(int argc, char** argv) {
  const int seed = argc > 1 ? std::atoi(argv[1]) : 1;
  if (argc > 2 || seed < 1) {
    std::fputs("usage: grid_bench [SEED], at least 1\n", stderr);
    return 2;
  }
  const lts::Architecture architecture = lts::Architecture::Gpt2(10, 384, 960, 4);
  const std::unique_ptr<lts::Runtime> runtime =
      lts::CreateRuntime("cpu", {.threads = lts::UsableCores()});
  const std::unique_ptr<lts::TimedSubject> canary = lts::MakeCanary(*runtime);
  const std::int64_t context = architecture.max_seq_len();
  const std::unique_ptr<lts::Generation> generation = lts::MakeGeneration(
      runtime->LoadRandom(architecture, 1, lts::Purpose::kTiming), context, context);
  lts::SystemClock clock;
  lts::Rng rng(static_cast<std::uint64_t>(seed));
  std::optional<lts::CanaryReference> reference;
  lts::GridOptions options;
  options.adaptive = true;
  options.reference = [&](const lts::CanaryReference& session) {
    if (!reference) reference = session;
    return *reference;
  };
  const lts::MeasuredGrid grid =
      lts::MeasureGrid(*generation, context, *canary, options, rng, clock);
  const lts::TokenCost cost = lts::FitRequests(grid.profile);

  options.adaptive = false;
  options.warmup = 1;
  options.repeat = 9;
  options.prompt_sizes = Unseen(10, 1, 960, options.prompt_sizes, rng);
  options.output_sizes = Unseen(3, 2, 63, options.output_sizes, rng);
  const lts::MeasuredGrid unseen =
      lts::MeasureGrid(*generation, context, *canary, options, rng, clock);
  std::vector<double> errors;
  for (const lts::GridPoint& point : unseen.profile.points) {
    const double predicted = lts::RequestSeconds(cost, point.prompt_tokens, point.output_tokens);
    if (!(predicted > 0)) {
      std::fputs("grid_bench: a prediction is no time\n", stderr);
      return EXIT_FAILURE;
    }
    errors.push_back(std::abs(predicted / point.seconds - 1));
  }
  fmt::print("profile: {:.1f} s, {} prompt sizes, beta {:.3f} ms, fit {:.2f} % off\n", grid.seconds,
             grid.profile.PromptSizes().size(), cost.beta * 1e3, 100 * cost.goodness.mape);
  fmt::print("{} unseen pairs: mean error {:.2f} %, largest {:.2f} %, within 5 %: {}\n",
             errors.size(), 100 * lts::Mean(errors), 100 * std::ranges::max(errors),
             std::ranges::count_if(errors, [](double error) { return error <= 0.05; }));
  fmt::print("machine: {:.2f} to {:.2f} of the canary's reference\n",
             1 / std::max(grid.drift_high, unseen.drift_high),
             1 / std::min(grid.drift_low, unseen.drift_low));
  return EXIT_SUCCESS;
}
