// The two fits of the published method, with their roundings, so that their tables are reproduced
// digit by digit. Source: Narayanan et al. 2023, arXiv:2305.02440, as used in stanford-crfm's
// helm-efficiency: "intercept" gave all its tables, "o1" the numbers that its notebooks print now.
//
//   intercept  1. at each p: T on o by least squares; alpha(p) = r3(r3(slope) + r3(offset))
//              2. alpha(p) = max(alpha(p), alpha(smallest p))
//              3. all points: T - alpha(p) on o; beta = r3(slope)
//              4. remote profiles only: overhead = r3(alpha(smallest p) - beta), and every alpha(p)
//                 becomes r3(alpha(p) - overhead)
//   o1         1. alpha(p) = r3(T(p, 1))
//              2. all points: T - alpha(p) on o - 1; beta = r3(slope)
//
// r3 rounds to milliseconds. No point is weighted or left out. Both keep what is odd about the
// originals: rounding twice, a clamp that only looks at the smallest p, alpha that may fall with p.
#pragma once

#include "lts/profile/token_cost.h"

namespace lts {

// Throw kInvalidArgument naming source and point: intercept needs two output sizes at each prompt
// size, o1 a time with one output token at each.
TokenCost FitIntercept(const CostProfile& profile);
TokenCost FitO1(const CostProfile& profile);

// R^2 of T(p, 1) on p over the 10 largest p, a straight line: how linear long prompts are.
double PromptLinearity(const CostProfile& profile);

}  // namespace lts
