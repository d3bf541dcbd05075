#include "lts/measure/drift.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lts/base/error.h"

namespace lts {
namespace {

bool Usable(double ms) { return std::isfinite(ms) && ms > 0; }

// The value at which half of the weight lies on either side, interpolated between neighbours: with
// equal weights the plain median. `sample` holds (value, weight) pairs, is not empty, and all
// weights are > 0.
double WeightedMedian(std::vector<std::pair<double, double>> sample) {
  std::sort(sample.begin(), sample.end());
  double total = 0;
  for (const auto& entry : sample) total += entry.second;
  double below = 0;  // weight before entry i; each entry stands at the middle of its own weight
  for (std::size_t i = 0; i + 1 < sample.size(); ++i) {
    const double here = below + sample[i].second / 2;
    below += sample[i].second;
    const double next = below + sample[i + 1].second / 2;
    if (total / 2 <= next) {
      const double along = std::clamp((total / 2 - here) / (next - here), 0.0, 1.0);
      return sample[i].first + along * (sample[i + 1].first - sample[i].first);
    }
  }
  return sample.back().first;
}

}  // namespace

void CanaryTrack::Add(double at_s, const WorkloadTiming& timing) {
  if (!Usable(timing.ttft_ms) || !Usable(timing.tpot_ms)) return;
  at_s_.push_back(at_s);
  ttft_ms_.push_back(timing.ttft_ms);
  tpot_ms_.push_back(timing.tpot_ms);
}

CanaryReference CanaryTrack::MedianTimes() const {
  LTS_CHECK(!empty());
  return {Median(ttft_ms_), Median(tpot_ms_)};
}

double CanaryTrack::SmoothedAt(double at_s, const std::vector<double>& times_ms) const {
  std::vector<double> distances;
  distances.reserve(at_s_.size());
  for (const double at : at_s_) distances.push_back(std::abs(at - at_s));
  std::vector<double> sorted = distances;
  const std::size_t enough = std::min(std::max<std::size_t>(options_.min_runs, 1), sorted.size());
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(enough - 1),
                   sorted.end());
  // A little wider than the farthest run that must count, so that its weight is not 0.
  const double half = std::max({options_.half_window_s, sorted[enough - 1] * 1.05, 1e-9});
  std::vector<std::pair<double, double>> near;
  for (std::size_t i = 0; i < distances.size(); ++i) {
    if (distances[i] < half) near.emplace_back(times_ms[i], 1 - distances[i] / half);
  }
  return WeightedMedian(std::move(near));
}

double CanaryTrack::TtftFactorAt(double at_s, const CanaryReference& reference) const {
  return empty() ? 1 : SmoothedAt(at_s, ttft_ms_) / reference.ttft_ms;
}

double CanaryTrack::TpotFactorAt(double at_s, const CanaryReference& reference) const {
  return empty() ? 1 : SmoothedAt(at_s, tpot_ms_) / reference.tpot_ms;
}

Interval CanaryTrack::FactorRange(const CanaryReference& reference) const {
  Interval range{1, 1};
  for (std::size_t i = 0; i < at_s_.size(); ++i) {
    const double factor =
        std::sqrt(TtftFactorAt(at_s_[i], reference) * TpotFactorAt(at_s_[i], reference));
    range.low = i == 0 ? factor : std::min(range.low, factor);
    range.high = i == 0 ? factor : std::max(range.high, factor);
  }
  return range;
}

}  // namespace lts
