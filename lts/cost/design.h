// Which architectures to measure next, so that a cost model learns most of its space per second.
//
// Before data, the relative error of a prediction is a Gaussian process: coefficients vary around
// the prior by their spread, the residual over the shared dimensions by a few per cent
// (features.h, shared_residual.h). Measuring an architecture lowers the variance of all others by
// known amounts, whatever the result. Greedily, the one is taken next that lowers the mean variance
// over a random pool of the space most per second that it takes to measure (I-optimality;
// MacKay 1992, "Information-based objective functions for active data selection"; Cohn 1996).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/cost/cost_context.h"
#include "lts/space/search_space.h"

namespace lts {

struct DesignOptions {
  std::uint64_t seed = 1;
  std::size_t pool = 768;  // 1..4096; the whole space where that has no more points
};

class Design {
 public:
  // Draws the pool. Throws kInvalidArgument when the workload does not fit the space's context or
  // the space is empty.
  Design(const SearchSpace& space, const CostContext& context, const DesignOptions& options);

  // At most `count` members of the pool that are not among `known`, in the order in which to
  // measure them; fewer when the pool ends. `seconds` says what measuring one costs (> 0). The same
  // arguments give the same answer. O(pool^2 (known + count)).
  std::vector<Architecture> Next(std::span<const Architecture> known, std::size_t count,
                                 const std::function<double(const Architecture&)>& seconds) const;

  std::span<const Architecture> pool() const { return pool_; }

 private:
  struct Point {
    std::vector<double> features;  // relative, in spreads; TTFT's, then TPOT's
    double log_n_layer = 0;
    double log_d_model = 0;
  };
  Point PointOf(const Architecture& architecture) const;
  static double Covariance(const Point& a, const Point& b);

  CostContext context_;
  std::vector<Architecture> pool_;
  std::vector<Point> points_;
};

// What a common processor core would take for a run of the workload, in ms: for Next where nothing
// was measured yet.
double PriorLatencyMs(const CostContext& context, const Architecture& architecture);

}  // namespace lts
