#include "lts/profile/cost_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "lts/base/error.h"

namespace lts {
namespace {

auto KeyOf(const GridPoint& point) { return std::tie(point.prompt_tokens, point.output_tokens); }

void CheckPoint(const GridPoint& point, const std::string& source) {
  const std::string name = PointName(point.prompt_tokens, point.output_tokens);
  const auto fail = [&](std::string_view what, double got, const std::string& expected) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}: {} is {}, expected {}", source, name, what, got, expected));
  };
  if (point.prompt_tokens < 1 || point.prompt_tokens > kMaxProfileTokens) {
    fail("prompt tokens", static_cast<double>(point.prompt_tokens),
         fmt::format("1 to {}", kMaxProfileTokens));
  }
  if (point.output_tokens < 0 || point.output_tokens > kMaxProfileTokens) {
    fail("output tokens", static_cast<double>(point.output_tokens),
         fmt::format("0 to {}", kMaxProfileTokens));
  }
  if (!(point.seconds >= kMinProfileSeconds && point.seconds <= kMaxProfileSeconds)) {
    fail("the time", point.seconds,
         fmt::format("{} to {} s", kMinProfileSeconds, kMaxProfileSeconds));
  }
  if (!(point.deviation_s >= 0 && point.deviation_s <= kMaxProfileSeconds)) {
    fail("the deviation", point.deviation_s, fmt::format("0 to {} s", kMaxProfileSeconds));
  }
  if (point.runs < 1) fail("the number of runs", static_cast<double>(point.runs), "at least 1");
}

}  // namespace

std::string PointName(std::int64_t prompt_tokens, std::int64_t output_tokens) {
  return fmt::format("p = {}, o = {}", prompt_tokens, output_tokens);
}

const GridPoint* CostProfile::Find(std::int64_t prompt_tokens, std::int64_t output_tokens) const {
  const auto found =
      std::ranges::lower_bound(points, std::tie(prompt_tokens, output_tokens), {}, KeyOf);
  return found != points.end() && KeyOf(*found) == std::tie(prompt_tokens, output_tokens) ? &*found
                                                                                          : nullptr;
}

std::vector<std::int64_t> CostProfile::PromptSizes() const {
  std::vector<std::int64_t> sizes;
  for (const GridPoint& point : points) {
    if (sizes.empty() || sizes.back() != point.prompt_tokens) sizes.push_back(point.prompt_tokens);
  }
  return sizes;
}

void SortAndCheck(CostProfile& profile) {
  if (profile.points.empty()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: holds no times", profile.source));
  }
  if (std::ssize(profile.points) > kMaxProfilePoints) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} points, expected at most {}", profile.source,
                            profile.points.size(), kMaxProfilePoints));
  }
  for (const GridPoint& point : profile.points) CheckPoint(point, profile.source);
  std::ranges::sort(profile.points, {}, KeyOf);
  const auto twin = std::ranges::adjacent_find(profile.points, {}, KeyOf);
  if (twin != profile.points.end()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} is there twice", profile.source,
                            PointName(twin->prompt_tokens, twin->output_tokens)));
  }
}

CostProfile WithFastestRuns(CostProfile profile) {
  for (GridPoint& point : profile.points) {
    if (!point.samples.empty()) point.seconds = point.samples.front();
  }
  return profile;
}

}  // namespace lts
