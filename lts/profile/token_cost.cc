#include "lts/profile/token_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lts/base/error.h"
#include "lts/profile/prompt_curve.h"
#include "lts/profile/published_fit.h"
#include "lts/profile/request_fit.h"

namespace lts {
namespace {

double ProportionalPromptSeconds(const TokenCost& cost, std::int64_t prompt_tokens) {
  auto key = std::ranges::lower_bound(cost.alpha, prompt_tokens, {}, &PromptCost::prompt_tokens);
  if (key == cost.alpha.end()) --key;
  return key->seconds * static_cast<double>(prompt_tokens) /
         static_cast<double>(key->prompt_tokens);
}

}  // namespace

double PromptSeconds(const TokenCost& cost, std::int64_t prompt_tokens) {
  LTS_CHECK(!cost.alpha.empty());
  if (cost.method != FitMethod::kOurs) return ProportionalPromptSeconds(cost, prompt_tokens);
  std::vector<std::int64_t> sizes;
  std::vector<double> seconds;
  for (const PromptCost& point : cost.alpha) {
    sizes.push_back(point.prompt_tokens);
    seconds.push_back(point.seconds);
  }
  return PromptCurveAt(sizes, seconds, cost.tile_tokens, cost.beta, prompt_tokens);
}

double RequestSeconds(const TokenCost& cost, std::int64_t prompt_tokens,
                      std::int64_t output_tokens) {
  if (prompt_tokens < 1 || output_tokens < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}: expected at least 1 prompt token and 0 output tokens",
                            cost.name, PointName(prompt_tokens, output_tokens)));
  }
  const double prompt = PromptSeconds(cost, prompt_tokens) + cost.overhead;
  if (output_tokens == 0) return prompt;
  const auto p = static_cast<double>(prompt_tokens);
  const auto o = static_cast<double>(output_tokens);
  return prompt + (o - 1) * (cost.beta + cost.gamma * (p + o / 2 - cost.reference_context));
}

void Judge(TokenCost& cost, const CostProfile& profile) {
  Goodness goodness;
  goodness.r2 = cost.goodness.r2;
  for (const GridPoint& point : profile.points) {
    const double error =
        RequestSeconds(cost, point.prompt_tokens, point.output_tokens) - point.seconds;
    const double relative = std::abs(error) / point.seconds;
    goodness.mape += relative;
    goodness.mse += error * error;
    goodness.max_squared_error = std::max(goodness.max_squared_error, error * error);
    if (relative > goodness.max_ape) {
      goodness.max_ape = relative;
      goodness.worst_prompt_tokens = point.prompt_tokens;
      goodness.worst_output_tokens = point.output_tokens;
    }
  }
  goodness.points = std::ssize(profile.points);
  goodness.mape /= static_cast<double>(goodness.points);
  goodness.mse /= static_cast<double>(goodness.points);
  cost.goodness = goodness;
}

TokenCost FitTokenCost(const CostProfile& profile, FitMethod method) {
  switch (method) {
    case FitMethod::kIntercept:
      return FitIntercept(WithFastestRuns(profile));
    case FitMethod::kO1:
      return FitO1(WithFastestRuns(profile));
    case FitMethod::kOurs:
      break;
  }
  return FitRequests(profile);
}

}  // namespace lts
