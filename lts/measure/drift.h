// How fast the machine was at a given moment, from the canary's runs around it.
//
// A single canary run is itself noisy, so the factor at time t is a weighted median of the canary's
// times near t divided by its reference time. Runs within half a window of t count, the nearer the
// more (triangular weights); the window widens until it holds enough runs. A median follows steps
// (another tenant arrives) without smearing them and ignores single interrupted runs, where an
// average or a line through two neighbours would pass their noise on.
#pragma once

#include <cstddef>
#include <vector>

#include "lts/base/stats.h"
#include "lts/measure/canary.h"

namespace lts {

struct DriftOptions {
  // Shared machines were seen to drift within a second: a wider window follows too late, a narrower
  // one leaves too few runs.
  double half_window_s = 0.6;
  std::size_t min_runs =
      7;  // the window widens to hold so many: the median's noise falls to half of a run's
};

class CanaryTrack {
 public:
  explicit CanaryTrack(const DriftOptions& options = {}) : options_(options) {}

  // Runs are added in order of time. Times that are not finite and > 0 are left out.
  void Add(double at_s, const WorkloadTiming& timing);
  bool empty() const { return at_s_.empty(); }
  std::size_t size() const { return at_s_.size(); }

  // Median of all runs. empty() must be false.
  CanaryReference MedianTimes() const;
  // Time of the machine relative to `reference`, separately for prefill and decode: 1.08 = 8 %
  // slower. Finite and > 0; 1 when there are no runs. O(n log n) in the number of runs.
  double TtftFactorAt(double at_s, const CanaryReference& reference) const;
  double TpotFactorAt(double at_s, const CanaryReference& reference) const;
  // Least and greatest factor over all runs, of prefill and decode together (geometric mean); [1,
  // 1] when empty. O(n^2 log n): once, at the end of a session.
  Interval FactorRange(const CanaryReference& reference) const;

 private:
  double SmoothedAt(double at_s, const std::vector<double>& times_ms) const;

  DriftOptions options_;
  std::vector<double> at_s_;
  std::vector<double> ttft_ms_;
  std::vector<double> tpot_ms_;
};

}  // namespace lts
