#include "lts/measure/latency.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "lts/base/error.h"
#include "lts/base/stats.h"
#include "lts/measure/drift.h"

namespace lts {
namespace {

// Timing between canary runs. Well below the half second promised, so that the 0.6 s around a
// sample that drift.h looks at hold several.
constexpr double kCanarySpacingS = 0.2;
// Share of the time between two canary moments that the canary may take, and the most runs at one
// moment. At a tenth, a search of 60 s spends 5 s on knowing how fast the machine was.
constexpr double kCanaryShare = 0.1;
constexpr int kMostCanaryRuns = 3;
constexpr int kCanaryWarmupRuns = 3;

struct Sample {
  double ttft_at_s = 0;  // middle of the prefill
  double tpot_at_s = 0;  // middle of the decode steps
  WorkloadTiming raw;
};

void CheckOptions(const LatencyOptions& options) {
  const auto fail = [](const char* name, double got, const std::string& expected) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("latency options: {}: got {}, expected {}", name, got, expected));
  };
  if (options.warmup_runs < 0) fail("warmup_runs", options.warmup_runs, "at least 0");
  if (options.min_rounds < 1) fail("min_rounds", options.min_rounds, "at least 1");
  if (options.max_rounds < options.min_rounds) {
    fail("max_rounds", options.max_rounds,
         fmt::format("at least min_rounds = {}", options.min_rounds));
  }
  if (!(options.max_relative_interval > 0)) {
    fail("max_relative_interval", options.max_relative_interval, "more than 0");
  }
}

void CheckReference(const CanaryReference& reference) {
  for (const double ms : {reference.ttft_ms, reference.tpot_ms}) {
    if (!std::isfinite(ms) || ms <= 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("canary reference: got {} ms, expected a finite time above 0", ms));
    }
  }
}

// One session of timing: runs subjects and canary and notes when. Judges nothing.
class Recorder {
 public:
  Recorder(std::span<TimedSubject* const> subjects, TimedSubject& canary, Clock& clock)
      : subjects_(subjects), canary_(canary), clock_(clock), samples_(subjects.size()) {}

  void WarmUp(int runs) {
    for (int i = 0; i < kCanaryWarmupRuns; ++i) canary_.Run(clock_);
    for (TimedSubject* subject : subjects_) {
      for (int i = 0; i < runs; ++i) subject->Run(clock_);
    }
  }

  void RunCanary(int runs) {
    const double begin = NowS();
    for (int i = 0; i < runs; ++i) {
      const double at = NowS();
      const WorkloadTiming timing = canary_.Run(clock_);
      canary_end_s_ = NowS();
      track_.Add((at + canary_end_s_) / 2, timing);
    }
    canary_run_s_ = (canary_end_s_ - begin) / runs;
  }

  // As many runs as the timing since the last one pays for; none while that is still short.
  void RunCanaryIfDue() {
    const double since = NowS() - canary_end_s_;
    if (since < kCanarySpacingS) return;
    const double affordable = canary_run_s_ > 0 ? since * kCanaryShare / canary_run_s_ : 1;
    RunCanary(static_cast<int>(std::clamp(affordable, 1.0, double{kMostCanaryRuns})));
  }

  void RunSubject(std::size_t index) {
    const WorkloadTiming timing = subjects_[index]->Run(clock_);
    const double end = NowS();
    const double ttft_s = timing.ttft_ms * 1e-3;
    const double decode_s = timing.decode_ms * 1e-3;
    samples_[index].push_back({end - decode_s - ttft_s / 2, end - decode_s / 2, timing});
  }

  const CanaryTrack& track() const { return track_; }
  const std::vector<Sample>& samples(std::size_t index) const { return samples_[index]; }

 private:
  double NowS() { return static_cast<double>(clock_.NowNs()) * 1e-9; }

  std::span<TimedSubject* const> subjects_;
  TimedSubject& canary_;
  Clock& clock_;
  CanaryTrack track_;
  double canary_end_s_ = 0;
  double canary_run_s_ = 0;
  std::vector<std::vector<Sample>> samples_;  // per subject, in order of time
};

double RelativeInterval(const Measurement& measurement) {
  return measurement.value > 0 ? (measurement.high - measurement.low) / measurement.value : 0;
}

Measurement Summarize(Metric metric, std::vector<double> samples,
                      const std::vector<double>& factors, const LatencyOptions& options) {
  Measurement result;
  result.metric = metric;
  result.source = "timing, canary-corrected";
  if (samples.empty()) return result;
  const Interval interval = MedianInterval(samples);
  result.value = Median(samples);
  result.low = interval.low;
  result.high = interval.high;
  result.p95 = Quantile(samples, 0.95);
  result.drift = Median(factors);
  result.noisy = static_cast<int>(samples.size()) < options.min_rounds ||
                 RelativeInterval(result) > options.max_relative_interval;
  result.samples = std::move(samples);
  return result;
}

LatencyResult Correct(const std::vector<Sample>& samples, const CanaryTrack& track,
                      const CanaryReference& reference, std::int64_t decode_steps,
                      const LatencyOptions& options) {
  std::vector<double> ttft, tpot, total, ttft_factors, tpot_factors, total_factors;
  for (const Sample& sample : samples) {
    const double ttft_factor = track.TtftFactorAt(sample.ttft_at_s, reference);
    ttft.push_back(sample.raw.ttft_ms / ttft_factor);
    ttft_factors.push_back(ttft_factor);
    total.push_back(ttft.back());
    double raw_total = sample.raw.ttft_ms;
    if (decode_steps > 0) {
      const double tpot_factor = track.TpotFactorAt(sample.tpot_at_s, reference);
      tpot.push_back(sample.raw.tpot_ms / tpot_factor);
      tpot_factors.push_back(tpot_factor);
      total.back() += static_cast<double>(decode_steps) * tpot.back();
      raw_total += static_cast<double>(decode_steps) * sample.raw.tpot_ms;
    }
    total_factors.push_back(total.back() > 0 ? raw_total / total.back() : 1);
  }
  LatencyResult result;
  result.ttft = Summarize(Metric::kTtftMs, std::move(ttft), ttft_factors, options);
  result.tpot = Summarize(Metric::kTpotMs, std::move(tpot), tpot_factors, options);
  result.total = Summarize(Metric::kLatencyMs, std::move(total), total_factors, options);
  return result;
}

}  // namespace

InterleavedResult MeasureInterleaved(std::span<TimedSubject* const> subjects, TimedSubject& canary,
                                     const Workload& workload, const ReferenceRule& reference,
                                     const LatencyOptions& options, Rng& rng, Clock& clock) {
  CheckOptions(options);
  const std::int64_t decode_steps = std::max<std::int64_t>(workload.output_tokens - 1, 0);
  Recorder recorder(subjects, canary, clock);
  recorder.WarmUp(options.warmup_runs);

  const auto corrected = [&](std::size_t index, const CanaryReference& to) {
    return Correct(recorder.samples(index), recorder.track(), to, decode_steps, options);
  };

  std::vector<std::size_t> active(subjects.size());
  std::iota(active.begin(), active.end(), std::size_t{0});
  const int canary_runs_at_ends = subjects.empty() ? options.min_rounds : 1;
  bool stopped = false;
  for (int round = 1; round <= options.max_rounds && !stopped; ++round) {
    if (options.on_round) options.on_round(round, active.size());
    rng.Shuffle(std::span<std::size_t>(active));
    recorder.RunCanary(canary_runs_at_ends);
    for (const std::size_t index : active) {
      // The first round is always finished, so that every candidate has a result.
      if (round > 1 && options.stop && options.stop()) {
        stopped = true;
        break;
      }
      recorder.RunCanaryIfDue();
      recorder.RunSubject(index);
    }
    recorder.RunCanary(canary_runs_at_ends);
    if (recorder.track().empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "canary: every run took no time, expected finite times above 0");
    }
    if (round >= options.min_rounds) {
      const CanaryReference now = recorder.track().MedianTimes();
      std::erase_if(active, [&](std::size_t index) {
        return RelativeInterval(corrected(index, now).total) <= options.max_relative_interval;
      });
    }
    if (active.empty()) break;
  }

  InterleavedResult result;
  result.reference = recorder.track().MedianTimes();
  if (reference) result.reference = reference(result.reference);
  CheckReference(result.reference);
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    result.results.push_back(corrected(i, result.reference));
  }
  const Interval drift = recorder.track().FactorRange(result.reference);
  result.drift_low = drift.low;
  result.drift_high = drift.high;
  return result;
}

}  // namespace lts
