#include "lts/profile/published_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "lts/base/error.h"
#include "lts/base/stats.h"

namespace lts {
namespace {

// Halves to even, of the binary value.
double ToMilliseconds(double seconds) { return std::nearbyint(seconds * 1000) / 1000; }

double RSquared(std::span<const double> x, std::span<const double> y, const Line& line) {
  const double mean = Mean(y);
  double residual = 0;
  double total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = y[i] - line.offset - line.slope * x[i];
    residual += error * error;
    total += (y[i] - mean) * (y[i] - mean);
  }
  return total > 0 ? 1 - residual / total : 1;
}

// Steps 3 and 2 above: beta and the R^2 that is published with it.
void FitBeta(TokenCost& cost, const CostProfile& profile) {
  std::map<std::int64_t, double> alpha;
  for (const PromptCost& prompt : cost.alpha) alpha[prompt.prompt_tokens] = prompt.seconds;
  std::vector<double> outputs;
  std::vector<double> rest;
  for (const GridPoint& point : profile.points) {
    outputs.push_back(static_cast<double>(point.output_tokens));
    rest.push_back(point.seconds - alpha.at(point.prompt_tokens));
  }
  if (std::ranges::min(outputs) == std::ranges::max(outputs)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: every time is of {} output tokens; expected two different numbers "
                            "to tell prompt and token apart",
                            profile.source, outputs[0]));
  }
  const Line line = FitLine(outputs, rest);
  cost.beta = ToMilliseconds(line.slope);
  cost.beta_interval = {cost.beta, cost.beta};
  cost.goodness.r2 = RSquared(outputs, rest, line);
}

void AddPrompt(TokenCost& cost, std::int64_t prompt_tokens, double seconds) {
  cost.alpha.push_back({prompt_tokens, seconds, {seconds, seconds}});
}

}  // namespace

TokenCost FitIntercept(const CostProfile& profile) {
  TokenCost cost;
  cost.name = profile.name;
  cost.method = FitMethod::kIntercept;
  for (const std::int64_t size : profile.PromptSizes()) {
    std::vector<double> outputs;
    std::vector<double> seconds;
    for (const GridPoint& point : profile.points) {
      if (point.prompt_tokens != size) continue;
      outputs.push_back(static_cast<double>(point.output_tokens));
      seconds.push_back(point.seconds);
    }
    if (outputs.size() < 2) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: method intercept: one time at p = {}, expected two output sizes "
                              "at each prompt size",
                              profile.source, size));
    }
    const Line line = FitLine(outputs, seconds);
    const double alpha = ToMilliseconds(ToMilliseconds(line.slope) + ToMilliseconds(line.offset));
    AddPrompt(cost, size, cost.alpha.empty() ? alpha : std::max(alpha, cost.alpha[0].seconds));
  }
  FitBeta(cost, profile);
  if (profile.remote) {
    cost.overhead = ToMilliseconds(cost.alpha[0].seconds - cost.beta);
    for (PromptCost& prompt : cost.alpha) {
      prompt.seconds = ToMilliseconds(prompt.seconds - cost.overhead);
      prompt.interval = {prompt.seconds, prompt.seconds};
    }
  }
  Judge(cost, profile);
  return cost;
}

TokenCost FitO1(const CostProfile& profile) {
  TokenCost cost;
  cost.name = profile.name;
  cost.method = FitMethod::kO1;
  for (const std::int64_t size : profile.PromptSizes()) {
    const GridPoint* point = profile.Find(size, 1);
    if (point == nullptr) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: method o1: no time at {}, expected one at each prompt size",
                              profile.source, PointName(size, 1)));
    }
    AddPrompt(cost, size, ToMilliseconds(point->seconds));
  }
  FitBeta(cost, profile);
  Judge(cost, profile);
  return cost;
}

double PromptLinearity(const CostProfile& profile) {
  constexpr std::size_t kLargest = 10;
  std::vector<double> sizes;
  std::vector<double> seconds;
  for (const GridPoint& point : profile.points) {
    if (point.output_tokens != 1) continue;
    sizes.push_back(static_cast<double>(point.prompt_tokens));
    seconds.push_back(point.seconds);
  }
  if (sizes.size() < 2) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} times of one output token, expected at least 2 prompt sizes",
                            profile.source, sizes.size()));
  }
  const std::size_t skip = sizes.size() - std::min(sizes.size(), kLargest);
  const auto x = std::span(sizes).subspan(skip);
  const auto y = std::span(seconds).subspan(skip);
  return RSquared(x, y, FitLine(x, y));
}

}  // namespace lts
