// Our fit of a profile, the default. Least squares on relative errors, weighted by noise and robust
// to outliers, of
//
//   T(p, o) = alpha(p) + (o - 1) (beta + gamma (p + o/2 - c)),   alpha never falling with p
//
// with alpha(p) free at each profiled p, and all of alpha's steps, beta and gamma not negative (a
// longer prompt and a longer context cost no less). c is the mean context of the profile's decode
// steps, so that beta and gamma hardly depend on each other. An overhead cannot be told from
// alpha, and is part of it.
//
// The variance of a point is that of its mean (deviation^2 / runs), that of its rounding
// (resolution^2 / 12) and (tau T)^2: tau is the scatter of points around the model that their noise
// does not explain, found such that the weighted squares come to the degrees of freedom. Points
// further out than 1.345 standard deviations weigh less (Huber 1964, Annals of Mathematical
// Statistics 35(1)). The constrained minimum is found exactly (Lawson & Hanson 1974); intervals
// are of the constraints that are not active, with Student's quantile, so they hold what the model
// misses as well as noise. Between sizes: prompt_curve.h.
#pragma once

#include <optional>

#include "lts/profile/token_cost.h"

namespace lts {

// Throws kInvalidArgument naming the source when no prompt size has two output sizes. O(rounds *
// K^3) for K prompt sizes: milliseconds for the published grids (27 x 10).
TokenCost FitRequests(const CostProfile& profile);

// Each prompt size but the smallest and the largest is left out in turn, and alpha there predicted
// from what is left. Mean of |predicted / fitted with it - 1|; nothing with fewer than three sizes.
// K fits.
std::optional<double> LeaveOneSizeOutError(const CostProfile& profile);

}  // namespace lts
