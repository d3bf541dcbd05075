#include "lts/profile/grid_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/stats.h"
#include "lts/profile/request_fit.h"

namespace lts {
namespace {

constexpr std::uint64_t kTokenSeed = 0x746f6b656e73;
// Steps before each timed run, as in `kInUse`: a result must not depend on what ran before.
constexpr double kWarmUpMs = 60;
constexpr int kMaxWarmUpSteps = 64;
// Output tokens of the sizes that adaptive timing takes later: what steps cost, the first ones
// tell.
constexpr std::int64_t kLaterOutputs = 8;
// Sizes that adaptive timing begins with, and takes together afterwards.
constexpr std::size_t kFirstSizes = 5;
constexpr std::size_t kSizesTogether = 4;

class SessionGeneration final : public Generation {
 public:
  SessionGeneration(std::shared_ptr<LoadedModel> model, std::int64_t max_prompt,
                    std::int64_t max_context)
      : model_(std::move(model)),
        session_(model_->NewSession({.batch = 1,
                                     .max_tokens = max_context,
                                     .max_step_tokens = max_prompt,
                                     .all_logits = false})) {
    const std::int64_t vocabulary = model_->graph().vocab_size;
    logits_.resize(static_cast<std::size_t>(vocabulary));
    Rng rng(kTokenSeed);
    tokens_.resize(static_cast<std::size_t>(max_context));
    for (std::int32_t& token : tokens_) token = static_cast<std::int32_t>(rng.Below(vocabulary));
    session_->Prepare(1);
  }

  void Prefill(std::int64_t tokens) override {
    session_->Rewind(0);
    session_->Step(std::span(tokens_).first(static_cast<std::size_t>(tokens)), Logits::kLast,
                   logits_);
  }
  void Decode() override {
    const auto at = static_cast<std::size_t>(session_->length());
    session_->Step(std::span(tokens_).subspan(at, 1), Logits::kLast, logits_);
  }

 private:
  std::shared_ptr<LoadedModel> model_;
  std::unique_ptr<Session> session_;
  std::vector<std::int32_t> tokens_;  // [max_context]
  std::vector<float> logits_;         // [V]
};

// The times of one generation, in ms.
struct Times {
  double prompt_ms = 0;
  std::vector<double> decode_ms;  // until there are output_sizes[i] tokens
};

class SizeSubject final : public TimedSubject {
 public:
  SizeSubject(Generation& generation, std::int64_t prompt_tokens,
              std::vector<std::int64_t> output_sizes, std::int64_t warm_up_steps)
      : generation_(generation),
        prompt_tokens_(prompt_tokens),
        output_sizes_(std::move(output_sizes)),
        warm_up_steps_(warm_up_steps) {}

  WorkloadTiming Run(Clock& clock) override {
    WarmUp(clock);
    Times times;
    const std::int64_t begin = clock.NowNs();
    generation_.Prefill(prompt_tokens_);
    const std::int64_t first_token = clock.NowNs();
    times.prompt_ms = Milliseconds(begin, first_token);
    std::int64_t tokens = 1;
    for (const std::int64_t size : output_sizes_) {
      for (; tokens < size; ++tokens) generation_.Decode();
      times.decode_ms.push_back(Milliseconds(first_token, clock.NowNs()));
    }
    runs_.push_back(times);
    const double decode = times.decode_ms.back();
    return {times.prompt_ms, tokens > 1 ? decode / static_cast<double>(tokens - 1) : 0,
            tokens > 1 ? decode : 0};
  }

  std::int64_t prompt_tokens() const { return prompt_tokens_; }
  const std::vector<std::int64_t>& output_sizes() const { return output_sizes_; }
  const std::vector<Times>& runs() const { return runs_; }

 private:
  static double Milliseconds(std::int64_t from, std::int64_t to) {
    return static_cast<double>(to - from) * 1e-6;
  }
  void WarmUp(Clock& clock) {
    const std::int64_t begin = clock.NowNs();
    generation_.Prefill(1);
    for (std::int64_t i = 0; i < warm_up_steps_; ++i) {
      if (Milliseconds(begin, clock.NowNs()) >= kWarmUpMs) return;
      generation_.Decode();
    }
  }

  Generation& generation_;
  std::int64_t prompt_tokens_;
  std::vector<std::int64_t> output_sizes_;  // those that fit behind this prompt
  std::int64_t warm_up_steps_;
  std::vector<Times> runs_;  // warm-up runs first
};

void CheckSizes(const std::vector<std::int64_t>& sizes, const char* what) {
  bool ascending = !sizes.empty() && sizes.front() >= 1 && sizes.back() <= kMaxProfileTokens;
  for (std::size_t i = 1; i < sizes.size(); ++i) ascending = ascending && sizes[i - 1] < sizes[i];
  if (!ascending) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("grid: {}: expected ascending sizes in [1, {}], at least one", what,
                            kMaxProfileTokens));
  }
}

void CheckOptions(const GridOptions& options) {
  CheckSizes(options.prompt_sizes, "prompt sizes");
  CheckSizes(options.output_sizes, "output sizes");
  const auto fail = [](const char* name, double got, const char* expected) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("grid: {}: got {}, expected {}", name, got, expected));
  };
  if (options.warmup < 0) fail("warmup", options.warmup, "at least 0");
  if (options.repeat < 1) fail("repeat", options.repeat, "at least 1");
  if (options.adaptive && options.output_sizes.size() < 2) {
    fail("output sizes", static_cast<double>(options.output_sizes.size()),
         "at least 2 to time adaptively");
  }
  if (!(options.tolerance > 0)) fail("tolerance", options.tolerance, "more than 0");
  if (!(options.budget_s > 0)) fail("budget", options.budget_s, "more than 0 s");
}

// One measuring of a grid.
class Meter {
 public:
  Meter(Generation& generation, std::int64_t max_seq_len, TimedSubject& canary,
        const GridOptions& options, Rng& rng, Clock& clock)
      : generation_(generation),
        max_seq_len_(max_seq_len),
        canary_(canary),
        options_(options),
        rng_(rng),
        clock_(clock),
        begin_s_(NowS()) {
    profile_.name = profile_.source = "model";
    if (options.joules) begin_joules_ = options.joules();
    for (const std::int64_t size : options.prompt_sizes) {
      if (size <= max_seq_len - options.output_sizes.front() + 1) sizes_.push_back(size);
    }
    if (sizes_.empty()) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("grid: no prompt size leaves room for {} output tokens in the model's "
                      "context of {}",
                      options.output_sizes.front(), max_seq_len));
    }
  }

  MeasuredGrid All() {
    Measure(sizes_, options_.warmup, options_.repeat, kMaxProfileTokens);
    return Finish();
  }

  MeasuredGrid Adaptively() {
    const int runs = std::min(options_.repeat, kAdaptiveRuns);
    std::vector<std::int64_t> next;
    const std::size_t last = sizes_.size() - 1;
    for (std::size_t i = 0; i < kFirstSizes; ++i) {
      // Even steps in tokens: long prompts cost most, and differ most.
      const double wanted =
          static_cast<double>(sizes_[0]) + static_cast<double>(sizes_[last] - sizes_[0]) *
                                               static_cast<double>(i) / (kFirstSizes - 1);
      next.push_back(*std::ranges::min_element(sizes_, {}, [&](std::int64_t size) {
        return std::abs(static_cast<double>(size) - wanted);
      }));
    }
    next.erase(std::unique(next.begin(), next.end()), next.end());
    Measure(next, std::min(options_.warmup, 1), runs, kMaxProfileTokens);
    while (!Stopped() && (next = NextSizes(runs), !next.empty())) {
      const TokenCost before = FitRequests(profile_);
      Measure(next, std::min(options_.warmup, 1), runs, kLaterOutputs);
      const TokenCost after = FitRequests(profile_);
      for (const std::int64_t size : next) {
        const double off = std::abs(PromptSeconds(before, size) / PromptSeconds(after, size) - 1);
        if (off < options_.tolerance) settled_.insert(size);
      }
    }
    return Finish();
  }

 private:
  double NowS() { return static_cast<double>(clock_.NowNs()) * 1e-9; }
  bool Stopped() const { return options_.stop && options_.stop(); }

  std::vector<std::int64_t> OutputsFor(std::int64_t prompt_tokens, std::int64_t most) const {
    std::vector<std::int64_t> outputs;
    for (const std::int64_t size : options_.output_sizes) {
      const bool wanted = size <= most || outputs.empty();
      if (wanted && prompt_tokens <= max_seq_len_ - size + 1) outputs.push_back(size);
    }
    return outputs;
  }

  void Measure(const std::vector<std::int64_t>& sizes, int warmup, int repeat,
               std::int64_t most_output) {
    if (options_.on_group) options_.on_group(sizes.size());
    std::vector<std::unique_ptr<SizeSubject>> subjects;
    std::vector<TimedSubject*> pointers;
    const std::int64_t steps = std::min<std::int64_t>(kMaxWarmUpSteps, max_seq_len_ - 1);
    for (const std::int64_t size : sizes) {
      subjects.push_back(
          std::make_unique<SizeSubject>(generation_, size, OutputsFor(size, most_output), steps));
      pointers.push_back(subjects.back().get());
    }
    LatencyOptions latency;
    latency.warmup_runs = warmup;
    latency.min_rounds = latency.max_rounds = repeat;
    latency.stop = options_.stop;
    // All groups are corrected to one speed: the first's, where nobody knows better.
    const ReferenceRule rule = [&](const CanaryReference& session) {
      if (!reference_) reference_ = options_.reference ? options_.reference(session) : session;
      return *reference_;
    };
    const InterleavedResult result =
        MeasureInterleaved(pointers, canary_, {}, rule, latency, rng_, clock_);
    grid_.drift_low =
        measured_any_ ? std::min(grid_.drift_low, result.drift_low) : result.drift_low;
    grid_.drift_high =
        measured_any_ ? std::max(grid_.drift_high, result.drift_high) : result.drift_high;
    measured_any_ = true;
    if (options_.joules) options_.joules();  // often enough that no counter turns twice unseen
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      Add(*subjects[i], result.results[i], static_cast<std::size_t>(warmup));
    }
    SortAndCheck(profile_);
    group_s_per_run_ = (NowS() - begin_s_) / static_cast<double>(runs_);
  }

  void Add(const SizeSubject& subject, const LatencyResult& result, std::size_t warmup) {
    const std::vector<double>& ttft = result.ttft.samples;
    const std::vector<double>& tpot = result.tpot.samples;
    LTS_CHECK(subject.runs().size() == warmup + ttft.size());
    runs_ += static_cast<std::int64_t>(subject.runs().size());
    for (std::size_t o = 0; o < subject.output_sizes().size(); ++o) {
      GridPoint point;
      point.prompt_tokens = subject.prompt_tokens();
      point.output_tokens = subject.output_sizes()[o];
      for (std::size_t run = 0; run < ttft.size(); ++run) {
        const Times& raw = subject.runs()[warmup + run];
        const auto steps = static_cast<double>(subject.output_sizes().back() - 1);
        // The factor by which this run's steps were corrected, all alike.
        const double factor =
            raw.decode_ms.back() > 0 ? tpot[run] * steps / raw.decode_ms.back() : 1;
        point.samples.push_back((ttft[run] + raw.decode_ms[o] * factor) * 1e-3);
      }
      std::ranges::sort(point.samples);
      point.seconds = Median(point.samples);
      point.deviation_s = RobustDeviation(point.samples);
      point.runs = std::ssize(point.samples);
      for (const double seconds : point.samples) profile_.total_s += seconds;
      profile_.points.push_back(std::move(point));
    }
  }

  // As a normal distribution would have it between the quartiles: one interrupted run must not make
  // a point worthless.
  static double RobustDeviation(const std::vector<double>& samples) {
    if (samples.size() < 4) return StandardDeviation(samples);
    return (Quantile(samples, 0.75) - Quantile(samples, 0.25)) / 1.349;
  }

  // The middles of the widest gaps beside which a prediction was off, or none was tried.
  std::vector<std::int64_t> NextSizes(int runs) {
    const TokenCost cost = FitRequests(profile_);
    std::vector<std::pair<double, std::int64_t>> gaps;  // by how much alpha grows across
    for (std::size_t i = 1; i < cost.alpha.size(); ++i) {
      const std::int64_t low = cost.alpha[i - 1].prompt_tokens;
      const std::int64_t high = cost.alpha[i].prompt_tokens;
      if (settled_.contains(low) || settled_.contains(high)) continue;
      const auto first = std::ranges::upper_bound(sizes_, low);
      const auto end = std::ranges::lower_bound(sizes_, high);
      if (first >= end) continue;
      gaps.emplace_back(-std::log(cost.alpha[i].seconds / cost.alpha[i - 1].seconds),
                        *(first + (end - first) / 2));
    }
    std::ranges::sort(gaps);
    const double left_s = options_.budget_s - (NowS() - begin_s_);
    const auto affordable =
        static_cast<std::size_t>(std::max(left_s / (group_s_per_run_ * (runs + 1)), 0.0));
    std::vector<std::int64_t> sizes;
    for (const auto& [growth, size] : gaps) {
      if (sizes.size() < std::min(affordable, kSizesTogether)) sizes.push_back(size);
    }
    std::ranges::sort(sizes);
    return sizes;
  }

  MeasuredGrid Finish() {
    if (options_.joules && NowS() > begin_s_) {
      profile_.watts = (options_.joules() - begin_joules_) / (NowS() - begin_s_);
    }
    if (sizes_.size() < options_.prompt_sizes.size() ||
        OutputsFor(sizes_.back(), kMaxProfileTokens).size() < options_.output_sizes.size()) {
      profile_.notes.push_back(fmt::format(
          "what does not fit into the model's context of {} was left out", max_seq_len_));
    }
    if (options_.adaptive) {
      profile_.notes.push_back(fmt::format("{} of {} prompt sizes were timed",
                                           profile_.PromptSizes().size(), sizes_.size()));
    }
    grid_.profile = std::move(profile_);
    grid_.seconds = NowS() - begin_s_;
    return std::move(grid_);
  }

  Generation& generation_;
  std::int64_t max_seq_len_;
  TimedSubject& canary_;
  const GridOptions& options_;
  Rng& rng_;
  Clock& clock_;
  double begin_s_;
  double begin_joules_ = 0;
  std::vector<std::int64_t> sizes_;  // that fit
  std::set<std::int64_t> settled_;   // predicted well before they were timed
  std::optional<CanaryReference> reference_;
  CostProfile profile_;
  MeasuredGrid grid_;
  bool measured_any_ = false;
  std::int64_t runs_ = 0;
  double group_s_per_run_ = 0;
};

}  // namespace

std::unique_ptr<Generation> MakeGeneration(std::shared_ptr<LoadedModel> model,
                                           std::int64_t max_prompt_tokens,
                                           std::int64_t max_context_tokens) {
  return std::make_unique<SessionGeneration>(std::move(model), max_prompt_tokens,
                                             max_context_tokens);
}

std::vector<std::int64_t> PublishedPromptSizes() {
  return {1,   16,  32,  64,  128, 192,  256,  320,  384,  428,  472,  512,  576,  640,
          704, 768, 832, 896, 960, 1024, 1152, 1280, 1408, 1536, 1664, 1792, 1920, 2048};
}
std::vector<std::int64_t> PublishedOutputSizes() { return {1, 2, 4, 8, 12, 16, 24, 32, 48, 64}; }

MeasuredGrid MeasureGrid(Generation& generation, std::int64_t max_seq_len, TimedSubject& canary,
                         const GridOptions& options, Rng& rng, Clock& clock) {
  CheckOptions(options);
  Meter meter(generation, max_seq_len, canary, options, rng, clock);
  return options.adaptive ? meter.Adaptively() : meter.All();
}

}  // namespace lts
