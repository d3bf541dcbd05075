// Profiles a model on one of our runtimes: times a grid of (prompt tokens, output tokens).
//
// One generation of the most output tokens gives the time to the first token and that of every
// step, and so T(p, o) of all o at once: the grid costs as many generations as it has prompt sizes,
// where a service that only tells totals takes one for each point. The points of a prompt size
// share their runs, so they err together, and a fit's intervals are somewhat too narrow.
//
// Prompt sizes are timed in rounds, in random order and interleaved with the canary, whose speed
// all times are corrected by (measure/latency.h). A point's time is the median of its runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lts/base/clock.h"
#include "lts/base/rng.h"
#include "lts/measure/latency.h"
#include "lts/profile/cost_profile.h"
#include "lts/runtime/runtime.h"

namespace lts {

// A model that can read a prompt and go on from there; a fake in tests.
class Generation {
 public:
  virtual ~Generation() = default;
  virtual void Prefill(std::int64_t tokens) = 0;  // from an empty context
  virtual void Decode() = 0;                      // one more token
};

// A session of batch 1, with fixed pseudo-random token ids. Throws kInvalidArgument when the
// context exceeds the model's, kOutOfMemory.
std::unique_ptr<Generation> MakeGeneration(std::shared_ptr<LoadedModel> model,
                                           std::int64_t max_prompt_tokens,
                                           std::int64_t max_context_tokens);

// The published grid.
std::vector<std::int64_t> PublishedPromptSizes();
std::vector<std::int64_t> PublishedOutputSizes();

struct GridOptions {
  std::vector<std::int64_t> prompt_sizes = PublishedPromptSizes();  // ascending, >= 1
  std::vector<std::int64_t> output_sizes = PublishedOutputSizes();  // ascending, >= 1
  int warmup = 10;  // runs of each prompt size that are not timed; >= 0
  int repeat = 50;  // >= 1
  // Times a few sizes, predicts those between, times them, and goes on only where the prediction
  // was off. Every size that it takes is run `repeat` times or kAdaptiveRuns, whichever is less,
  // and the later ones give few output tokens only.
  bool adaptive = false;
  double tolerance = 0.02;  // of a predicted alpha, above which its surroundings are timed too
  double budget_s = 50;     // of adaptive timing: nothing is begun that would end later
  ReferenceRule reference;  // measure/latency.h
  // Energy so far (measure/rapl.h), for the power while timing; empty: not measured.
  std::function<double()> joules;
  // Asked between runs; true ends with what there is (every size of the group once).
  std::function<bool()> stop;
  std::function<void(std::size_t sizes)> on_group;  // told before sizes are timed together
};
inline constexpr int kAdaptiveRuns = 7;

struct MeasuredGrid {
  CostProfile profile;
  double seconds = 0;    // that it took
  double drift_low = 1;  // of the canary, over all groups (latency.h)
  double drift_high = 1;
};

// Sizes whose generation does not fit into `max_seq_len` are left out, with a note. Throws
// kInvalidArgument when none is left or an option is outside its range.
MeasuredGrid MeasureGrid(Generation& generation, std::int64_t max_seq_len, TimedSubject& canary,
                         const GridOptions& options, Rng& rng, Clock& clock);

}  // namespace lts
