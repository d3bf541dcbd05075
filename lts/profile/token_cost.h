// The cost of a prompt and of a token, and what a request then takes:
//
//   T(p, o) = alpha(p) + (o - 1) (beta + gamma (p + o/2 - c)) + overhead       o >= 1
//   T(p, 0) = alpha(p) + overhead
//
// alpha(p) encodes p prompt tokens and gives the first output token; each further one takes beta
// at a context of c tokens, and gamma more per token of context (p + o/2 is the mean context of the
// o - 1 decode steps). Published fits have gamma = 0. Times in seconds; batch 1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/enum_table.h"
#include "lts/base/stats.h"
#include "lts/profile/cost_profile.h"

namespace lts {

enum class FitMethod {
  kOurs,       // request_fit.h
  kIntercept,  // published_fit.h
  kO1,
};
inline constexpr EnumTable<FitMethod, 3> kFitMethods{
    "method",
    {{{FitMethod::kOurs, "ours"}, {FitMethod::kIntercept, "intercept"}, {FitMethod::kO1, "o1"}}}};

struct PromptCost {
  std::int64_t prompt_tokens = 0;
  double seconds = 0;
  Interval interval;  // 95 %; [seconds, seconds] where a method has none
};

// How well costs describe what they were fitted to. Errors are predicted by measured, less one.
struct Goodness {
  std::int64_t points = 0;
  double mape = 0;     // mean absolute error
  double max_ape = 0;  // the largest
  std::int64_t worst_prompt_tokens = 0, worst_output_tokens = 0;
  double mse = 0, max_squared_error = 0;  // s^2
  double r2 = 0;                          // of the regression that gave beta
};

struct TokenCost {
  std::string name;  // of the model
  FitMethod method = FitMethod::kOurs;
  std::vector<PromptCost> alpha;  // ascending prompt sizes, at least one
  double beta = 0;
  Interval beta_interval;
  double gamma = 0;  // seconds per output token and token of context; >= 0
  Interval gamma_interval;
  double reference_context = 0;  // c above
  double overhead = 0;
  // Between the profiled sizes alpha is straight in p (0), or in the mean of p and of p rounded up
  // to a whole number of these: devices compute prompts in tiles of tokens.
  std::int64_t tile_tokens = 0;
  // Relative standard deviation of points around the model beyond their noise; 0 of published fits.
  double scatter = 0;
  Goodness goodness;
  std::vector<std::string> warnings;  // where the model does not hold; empty: it does
};

// alpha(p) for any p >= 1. Published methods: that of the next larger profiled size (beyond them
// the largest), in proportion to p. Ours: interpolated; below the smallest size along the first
// piece, but not below beta; beyond the largest along the line through the last three.
double PromptSeconds(const TokenCost& cost, std::int64_t prompt_tokens);

// T(p, o) as above. Throws kInvalidArgument unless p >= 1 and o >= 0.
double RequestSeconds(const TokenCost& cost, std::int64_t prompt_tokens,
                      std::int64_t output_tokens);

// Fills all of `cost.goodness` but r2, which it keeps.
void Judge(TokenCost& cost, const CostProfile& profile);

// The fit that a method gives; the published methods take the
// fastest run of each point, where single runs are known, and give `remote` profiles an overhead.
// Throws kInvalidArgument, naming the profile's source, when it lacks what the method needs.
TokenCost FitTokenCost(const CostProfile& profile, FitMethod method);

}  // namespace lts
