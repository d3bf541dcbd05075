#include "lts/job/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/rng.h"
#include "lts/base/stats.h"
#include "lts/cost/design.h"
#include "lts/job/device_meter.h"
#include "lts/measure/environment_probe.h"
#include "lts/measure/subject.h"
#include "lts/runtime/registry/registry.h"
#include "lts/store/store.h"

namespace lts {
namespace {

constexpr std::uint64_t kValidationStream = 11;
// As many as are timed in one group; the design looks again after each batch.
constexpr std::size_t kBatch = 8;
// What predictions are held against is measured so many times as often as what they come from.
constexpr int kValidationRounds = 3;
// Peak memory is exact, and its few coefficients follow from a few probes.
constexpr std::size_t kMemoryProbes = 8;
// Seconds that an architecture costs besides its runs: making and packing its weights.
constexpr double kLoadSeconds = 0.1;
// The canary's share, the run that fills caches, the rounds that noise adds.
constexpr double kExtraRuns = 2;

bool HasTimes(const std::vector<Measurement>& measurements) {
  const auto has = [&](Metric metric) {
    return std::any_of(measurements.begin(), measurements.end(),
                       [&](const Measurement& m) { return m.metric == metric; });
  };
  return has(Metric::kTtftMs) && has(Metric::kLatencyMs);
}

bool HasMemory(const std::vector<Measurement>& measurements) {
  return std::any_of(measurements.begin(), measurements.end(),
                     [](const Measurement& m) { return m.metric == Metric::kPeakMemoryMib; });
}

void Check(const CalibrationOptions& options) {
  const auto fail = [](std::string_view what, std::string_view problem) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", what, problem));
  };
  if (options.budget_s == 0 && options.budget_evaluations == 0) {
    fail("budget", "got none, expected a time or a number of evaluations");
  }
  if (!(options.budget_s >= 0) || options.budget_evaluations < 0) {
    fail("budget", "expected a time or a number of evaluations above 0");
  }
  if (options.rounds < 3 || options.rounds > 1000) {
    fail("repeat", fmt::format("got {}, expected an integer in [3, 1000]", options.rounds));
  }
  if (options.validate < 0 || options.validate > 10000) {
    fail("validate", fmt::format("got {}, expected an integer in [0, 10000]", options.validate));
  }
  FindRuntime(options.config.runtime);
  CheckRuntimeOptions({.threads = options.config.threads, .dtype = options.config.dtype});
}

// Measures batches and keeps what is known of each architecture.
class Calibrator {
 public:
  Calibrator(const CalibrationOptions& options, const SearchSpace& space, CostContext context,
             Environment environment,
             const std::function<void(const CalibrationProgress&)>& on_progress, Clock& clock)
      : options_(options),
        space_(space),
        context_(std::move(context)),
        environment_(std::move(environment)),
        store_(OpenStore(options.store)),
        key_{environment_.key(), options.config, options.workload},
        on_progress_(on_progress),
        clock_(clock) {
    progress_.budget_s = options.budget_s;
  }

  // The device's own, made here so that it reports its phases.
  void UseDevice(std::unique_ptr<Runtime> runtime) {
    DeviceMeterOptions device;
    device.config = options_.config;
    device.workload = options_.workload;
    device.seed = options_.seed;
    device.rounds = options_.rounds;
    device.probe_executable = options_.probe_executable;
    device.reference = StoredReference(store_, environment_, options_.config, options_.store);
    device.on_phase = [this](const std::string& phase) { Tell(phase); };
    device_.emplace(std::move(runtime), std::move(device), clock_);
    meter_ = &*device_;
  }
  void UseMeter(CandidateMeter& meter) { meter_ = &meter; }

  void Calibrate();
  std::vector<Observation> MeasureUnseen();
  CalibrationResult Result() const {
    return {.calibration = {environment_, space_.name(), FittedModel()},
            .measured = progress_.measured,
            .reused = progress_.reused,
            .elapsed_s = progress_.elapsed_s,
            .interrupted = interrupted_,
            .validations = {}};
  }

 private:
  static Store OpenStore(const std::string& path) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) EnsureWritableFolder(folder);
    return Store(path);
  }

  CostModel FittedModel() const {
    if (observations_.size() < 3 && interrupted_) {
      throw Error(ErrorCode::kCancelled, "interrupted; what was measured is in the store");
    }
    if (observations_.size() < 3) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("calibration: {} architectures were measured within the budget, "
                              "expected at least 3; give it more with --budget",
                              observations_.size()));
    }
    return {context_, observations_};
  }

  void Tell(const std::string& phase) {
    progress_.phase = phase;
    if (timing_) progress_.elapsed_s = ElapsedS();
    on_progress_(progress_);
  }
  double ElapsedS() { return static_cast<double>(clock_.NowNs() - started_ns_) * 1e-9; }
  bool Interrupted() {
    interrupted_ = interrupted_ || (options_.interrupted && options_.interrupted());
    return interrupted_;
  }
  bool OutOfTime() {
    return Interrupted() || (timing_ && options_.budget_s > 0 && ElapsedS() >= options_.budget_s);
  }
  double SecondsOf(const Architecture& architecture) const {
    double run_ms = 0;
    if (!model_) {
      run_ms = PriorLatencyMs(context_, architecture);
    } else {
      const bool decodes = options_.workload.output_tokens > 1;
      run_ms = RunMs(kInUseSampled, options_.workload,
                     model_->Predict(Metric::kTtftMs, architecture).value,
                     decodes ? model_->Predict(Metric::kTpotMs, architecture).value : 0);
    }
    return pace_ * (kLoadSeconds + (options_.rounds + kExtraRuns) * run_ms * 1e-3);
  }
  std::vector<Observation> MeasureBatch(std::span<const Architecture> batch, bool memory);

  const CalibrationOptions& options_;
  const SearchSpace& space_;
  CostContext context_;
  Environment environment_;
  Store store_;
  MeasurementKey key_;
  const std::function<void(const CalibrationProgress&)>& on_progress_;
  Clock& clock_;
  std::optional<DeviceMeter> device_;
  CandidateMeter* meter_ = nullptr;
  CalibrationProgress progress_;
  std::vector<Observation> observations_;
  std::vector<Architecture> tried_;  // observations_, and those that could not be measured
  std::optional<CostModel> model_;   // of the observations of some batches ago: for costs alone
  double pace_ = 1;                  // measured over expected seconds
  std::int64_t started_ns_ = 0;
  bool timing_ = false;
  bool interrupted_ = false;
};

// What became final, in the order of the batch; times always, peak memory where asked for.
std::vector<Observation> Calibrator::MeasureBatch(std::span<const Architecture> batch,
                                                  bool memory) {
  std::vector<std::vector<Measurement>> known(batch.size());
  std::vector<Architecture> to_time;
  std::vector<Architecture> to_probe;
  std::vector<std::size_t> timed;
  std::vector<std::size_t> probed;
  std::vector<bool> fresh(batch.size(), false);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    known[i] = store_.FindMeasurements(batch[i].Id(), key_);
    if (memory && !HasMemory(known[i])) {
      to_probe.push_back(batch[i]);
      probed.push_back(i);
    }
    if (!HasTimes(known[i])) {
      to_time.push_back(batch[i]);
      timed.push_back(i);
      fresh[i] = true;
    }
  }
  const auto measure = [&](std::span<const Architecture> architectures, Metric metric,
                           const std::vector<std::size_t>& index) {
    if (architectures.empty()) return;
    const std::vector<Metric> metrics{metric};
    meter_->Measure(
        architectures, metrics, [this] { return OutOfTime(); },
        [&](std::size_t i, std::vector<Measurement> measurements) {
          if (measurements.empty()) return;
          store_.SaveEvaluation(architectures[i], key_, environment_, measurements);
          for (Measurement& m : measurements) {
            known[index[i]].push_back(std::move(m));
          }
        });
  };
  measure(to_probe, Metric::kPeakMemoryMib, probed);
  measure(to_time, Metric::kLatencyMs, timed);
  std::vector<Observation> observed;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!HasTimes(known[i])) continue;
    (fresh[i] ? progress_.measured : progress_.reused) += 1;
    observed.push_back({batch[i], std::move(known[i])});
  }
  return observed;
}

void Calibrator::Calibrate() {
  Tell("choosing what to measure");
  const Design design(space_, context_, {.seed = options_.seed});
  started_ns_ = clock_.NowNs();
  timing_ = true;
  std::size_t fitted = 0;
  while (!OutOfTime() && observations_.size() < kMaxCostObservations) {
    std::size_t count = kBatch;
    if (options_.budget_evaluations > 0) {
      const std::int64_t left = options_.budget_evaluations - std::ssize(observations_);
      if (left <= 0) break;
      count = std::min(count, static_cast<std::size_t>(left));
    }
    Tell("choosing what to measure");
    std::vector<Architecture> batch =
        design.Next(tried_, count, [this](const Architecture& a) { return SecondsOf(a); });
    if (batch.empty()) break;
    // Only what fits the time that is left: a group that the budget cuts off is lost.
    double expected = 0;
    const double left = options_.budget_s > 0 ? options_.budget_s - ElapsedS() : HUGE_VAL;
    std::vector<Architecture> fitting;
    for (Architecture& architecture : batch) {
      const double seconds = SecondsOf(architecture);
      if (expected + seconds > left) continue;
      expected += seconds;
      fitting.push_back(std::move(architecture));
    }
    if (fitting.empty()) break;
    const std::int64_t measured_before = progress_.measured;
    const double before_s = ElapsedS();
    const bool memory = options_.memory && observations_.size() < kMemoryProbes;
    for (Observation& o : MeasureBatch(fitting, memory)) observations_.push_back(std::move(o));
    tried_.insert(tried_.end(), fitting.begin(), fitting.end());
    if (progress_.measured - measured_before == std::ssize(fitting)) {
      const double ratio = (ElapsedS() - before_s) / expected;
      if (ratio > 0 && std::isfinite(ratio)) pace_ *= std::clamp(ratio, 0.2, 5.0);
    }
    // A fit costs more than a batch of small models when done after each.
    if (observations_.size() >= std::max<std::size_t>(3, fitted + fitted / 2)) {
      fitted = observations_.size();
      model_.emplace(context_, observations_);
      if (!model_->Has(Metric::kLatencyMs)) model_.reset();
    }
  }
  progress_.elapsed_s = ElapsedS();
  timing_ = false;
}

std::vector<Observation> Calibrator::MeasureUnseen() {
  Rng rng = Rng(options_.seed).Split(kValidationStream);
  std::vector<Architecture> unseen;
  // Small spaces run out of what was not seen.
  for (std::int64_t tries = 0; tries < 100 * options_.validate; ++tries) {
    if (std::ssize(unseen) == options_.validate) break;
    const std::optional<Genome> genome = space_.Sample(rng, options_.workload);
    if (!genome) break;
    Architecture architecture = space_.Decode(*genome);
    const auto in = [&](const std::vector<Architecture>& all) {
      return std::find(all.begin(), all.end(), architecture) != all.end();
    };
    if (!in(tried_) && !in(unseen)) unseen.push_back(std::move(architecture));
  }
  progress_.to_validate = std::ssize(unseen);
  if (device_) device_->set_rounds(kValidationRounds * options_.rounds);
  const CalibrationProgress calibrated = progress_;
  std::vector<Observation> measured;
  for (std::size_t begin = 0; begin < unseen.size() && !Interrupted(); begin += kBatch) {
    const std::size_t count = std::min(kBatch, unseen.size() - begin);
    for (Observation& o : MeasureBatch(std::span(unseen).subspan(begin, count), false)) {
      measured.push_back(std::move(o));
    }
    progress_.validated = std::ssize(measured);
  }
  progress_.measured = calibrated.measured;
  progress_.reused = calibrated.reused;
  return measured;
}

}  // namespace

std::vector<Validation> Validate(const CostModel& model, std::span<const Observation> measured) {
  std::vector<Validation> validations;
  for (const Metric metric : {Metric::kTtftMs, Metric::kTpotMs, Metric::kLatencyMs}) {
    if (!model.Has(metric)) continue;
    std::vector<double> errors;
    std::vector<double> half_widths;
    Validation v{.metric = metric};
    for (const Observation& o : measured) {
      for (const Measurement& m : o.measurements) {
        if (m.metric != metric || !(m.value > 0)) continue;
        const Estimate estimate = model.Predict(metric, o.architecture);
        const double error = std::abs(estimate.value / m.value - 1);
        errors.push_back(error);
        half_widths.push_back(0.5 * (m.high - m.low) / m.value);
        v.within_5 += error <= 0.05 ? 1 : 0;
        v.within_10 += error <= 0.1 ? 1 : 0;
        v.coverage += estimate.low <= m.value && m.value <= estimate.high ? 1 : 0;
        v.within_5_of_interval +=
            0.95 * m.low <= estimate.value && estimate.value <= 1.05 * m.high ? 1 : 0;
      }
    }
    if (errors.empty()) continue;
    v.architectures = std::ssize(errors);
    for (double* share : {&v.within_5, &v.within_10, &v.coverage, &v.within_5_of_interval}) {
      *share /= static_cast<double>(errors.size());
    }
    v.median_error = Median(errors);
    v.p95_error = Quantile(errors, 0.95);
    v.median_half_width = Median(half_widths);
    validations.push_back(v);
  }
  return validations;
}

CalibrationResult RunCalibration(const CalibrationOptions& options,
                                 const std::function<void(const CalibrationProgress&)>& on_progress,
                                 CandidateMeter* meter, Clock& clock) {
  Check(options);
  const SearchSpace space = LoadSpace(options.space);
  CostContext context{.backbone = space.fields().backbone,
                      .vocab_size = space.fields().vocab_size,
                      .max_seq_len = space.fields().max_seq_len,
                      .config = options.config,
                      .workload = options.workload};
  CheckNotEmpty(space, options.workload);
  std::unique_ptr<Runtime> runtime;
  if (meter == nullptr) {
    runtime = CreateRuntimeFor(space, options.config, options.workload, options.seed);
  }
  Calibrator calibrator(options, space, std::move(context), ProbeEnvironment(options.config),
                        on_progress, clock);
  if (meter == nullptr) {
    calibrator.UseDevice(std::move(runtime));
  } else {
    calibrator.UseMeter(*meter);
  }
  calibrator.Calibrate();
  CalibrationResult result = calibrator.Result();
  if (options.validate > 0 && !result.interrupted) {
    result.validations = Validate(result.calibration.model, calibrator.MeasureUnseen());
  }
  return result;
}

}  // namespace lts
