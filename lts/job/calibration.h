// A device's calibration: measures the architectures that teach most (cost/design.h), fits a cost
// model, and checks it on random architectures that it has not seen. Prints nothing.
//
// Measurements go to a store as soon as they are final and come from there where it has them, so an
// interrupted calibration loses none, and one that is repeated goes on: the design is a function of
// the seed and of what was measured. A measurement that was reused takes no time of the budget.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lts/base/clock.h"
#include "lts/cost/calibration_file.h"
#include "lts/job/search_job.h"
#include "lts/record/measurement.h"

namespace lts {

struct CalibrationOptions {
  std::string space = "archai-gpt2";  // preset or file
  RuntimeConfig config;
  Workload workload;
  double budget_s = 60;                 // of measuring, without validation; 0: none
  std::int64_t budget_evaluations = 0;  // 0: none; one of the two must be set
  std::uint64_t seed = 1;
  std::string store = "lts-search/lts.db";  // its folder is made where it is missing
  bool memory = true;                       // probe the peak memory of the first few as well
  int rounds = 3;                           // of timing; >= 3
  // So many random architectures are measured afterwards, in three times the rounds.
  std::int64_t validate = 0;
  std::string probe_executable;       // measure/memory.h
  std::function<bool()> interrupted;  // asked between measurements
};

struct CalibrationProgress {
  std::int64_t measured = 0;
  std::int64_t reused = 0;
  std::int64_t validated = 0;
  std::int64_t to_validate = 0;  // 0 until validation has begun
  double elapsed_s = 0;
  double budget_s = 0;  // 0: none
  std::string phase;
};

// Predictions held against measurements of architectures that the model has not seen.
struct Validation {
  Metric metric = Metric::kLatencyMs;
  std::int64_t architectures = 0;
  double median_error = 0;  // relative to the measurement, absolute value
  double p95_error = 0;
  double within_5 = 0;   // share with an error of at most 5 %
  double within_10 = 0;  // of at most 10 %
  double coverage = 0;   // share inside the 95 % interval
  // Of the measurements themselves: median half width of their intervals, relative; and the share
  // of architectures where the prediction is within 5 % of some value inside the interval.
  double median_half_width = 0;
  double within_5_of_interval = 0;
};

struct CalibrationResult {
  Calibration calibration;
  std::int64_t measured = 0;
  std::int64_t reused = 0;
  double elapsed_s = 0;  // of measuring, without validation
  bool interrupted = false;
  std::vector<Validation> validations;  // ttft, tpot, latency; empty without `validate`
};

// `meter` nullptr: the real one. Throws Error before anything is written: unknown names, values out
// of range, a runtime that cannot run the space; later: kInvalidArgument when the budget ended
// before three architectures were measured (kCancelled when it was interrupted), and what measuring
// and writing throw, with everything that is final saved.
CalibrationResult RunCalibration(const CalibrationOptions& options,
                                 const std::function<void(const CalibrationProgress&)>& on_progress,
                                 CandidateMeter* meter, Clock& clock);

// Of measured architectures: those that lack a metric are left out of its Validation.
std::vector<Validation> Validate(const CostModel& model, std::span<const Observation> measured);

}  // namespace lts
