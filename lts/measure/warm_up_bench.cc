// What untimed decode steps before a run are worth: a model that a shared cache of some tens of MB
// can hold is timed again and again, and before each run the canary and a larger model fill that
// cache. By turns each run begins with one untimed step, or with those of kInUse. Prints median and
// coefficient of variation of the runs' TPOT. Both must have computed the same logits.
//   warm_up_bench [RUNS]
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/model.h"
#include "lts/base/clock.h"
#include "lts/base/stats.h"
#include "lts/base/thread_pool.h"
#include "lts/measure/canary.h"
#include "lts/measure/subject.h"
#include "lts/runtime/registry/registry.h"

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 20;
  if (argc > 2 || runs < 3 || runs > 10'000) {
    std::fputs("usage: warm_up_bench [RUNS], 3 to 10000\n", stderr);
    return 2;
  }
  constexpr lts::Workload kWorkload{.prompt_tokens = 192, .output_tokens = 32, .batch = 1};
  const std::unique_ptr<lts::Runtime> runtime =
      lts::CreateRuntime("cpu", {.threads = lts::UsableCores()});
  const auto load = [&](const lts::Architecture& architecture) {
    return std::shared_ptr<lts::LoadedModel>(runtime->Load(lts::RandomModel(architecture, 1)));
  };
  const auto model = load(lts::Architecture::Gpt2(3, 192, 576, 4));  // 45 MB
  const std::unique_ptr<lts::TimedSubject> canary = lts::MakeCanary(*runtime);
  const std::unique_ptr<lts::TimedSubject> larger =
      lts::MakeSubject(load(lts::Architecture::Gpt2(7, 576, 640, 4)), kWorkload, {.decode_ms = 20});
  lts::ModelSubject cold(model, kWorkload);
  lts::ModelSubject warm(model, kWorkload, lts::kInUse);

  lts::SystemClock clock;
  std::vector<double> cold_ms, warm_ms;
  for (int run = 0; run < runs; ++run) {
    for (const bool is_warm : {run % 2 == 0, run % 2 != 0}) {
      larger->Run(clock);
      canary->Run(clock);
      (is_warm ? warm_ms : cold_ms).push_back((is_warm ? warm : cold).Run(clock).tpot_ms);
    }
  }
  if (!std::ranges::equal(cold.logits(), warm.logits())) {
    std::fputs("warm_up_bench: the runs did not compute the same\n", stderr);
    return EXIT_FAILURE;
  }
  const auto print = [](const char* name, const std::vector<double>& ms) {
    fmt::print("{:<16}{:>8.3f}{:>8.3f}{:>9.1f} %\n", name, lts::Median(ms),
               *std::ranges::max_element(ms), 100 * lts::CoefficientOfVariation(ms));
  };
  fmt::print("untimed steps     TPOT ms    most   spread\n");
  print("one", cold_ms);
  print("60 ms of them", warm_ms);
  return EXIT_SUCCESS;
}
