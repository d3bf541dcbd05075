#include "lts/profile/prompt_curve.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/stats.h"

namespace lts {
namespace {

// Sizes without which two straight pieces cannot be told from tiles.
constexpr std::int64_t kLeastSizes = 8;
constexpr double kGain = 0.8;
constexpr std::size_t kLastSizes = 3;

double InterpolationError(std::span<const std::int64_t> sizes, std::span<const double> seconds,
                          std::int64_t tile) {
  double error = 0;
  for (std::size_t left_out = 1; left_out + 1 < sizes.size(); ++left_out) {
    std::vector<std::int64_t> others(sizes.begin(), sizes.end());
    std::vector<double> values(seconds.begin(), seconds.end());
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(left_out));
    values.erase(values.begin() + static_cast<std::ptrdiff_t>(left_out));
    error += std::abs(
        std::log(PromptCurveAt(others, values, tile, 0, sizes[left_out]) / seconds[left_out]));
  }
  return error;
}

}  // namespace

double PromptAxis(std::int64_t prompt_tokens, std::int64_t tile_tokens) {
  const auto p = static_cast<double>(prompt_tokens);
  if (tile_tokens == 0) return p;
  const auto tile = static_cast<double>(tile_tokens);
  return (p + std::ceil(p / tile) * tile) / 2;
}

double PromptCurveAt(std::span<const std::int64_t> sizes, std::span<const double> seconds,
                     std::int64_t tile_tokens, double least, std::int64_t prompt_tokens) {
  LTS_CHECK(!sizes.empty() && sizes.size() == seconds.size());
  const std::size_t last = sizes.size() - 1;
  const double x = PromptAxis(prompt_tokens, tile_tokens);
  const auto axis = [&](std::size_t i) { return PromptAxis(sizes[i], tile_tokens); };
  if (last == 0) return seconds[0];
  if (prompt_tokens >= sizes[last]) {
    const std::size_t first = last + 1 - std::min(last + 1, kLastSizes);
    std::vector<double> at;
    for (std::size_t i = first; i <= last; ++i) at.push_back(axis(i));
    const Line line = FitLine(at, seconds.subspan(first));
    return seconds[last] + std::max(line.slope, 0.0) * (x - axis(last));
  }
  std::size_t right = 1;
  while (prompt_tokens > sizes[right]) ++right;
  const double x0 = axis(right - 1);
  const double share = (x - x0) / (axis(right) - x0);
  const double value = seconds[right - 1] + share * (seconds[right] - seconds[right - 1]);
  // Below the smallest size a steep first piece would pass through zero.
  return std::max(value, std::min(least, seconds[0]));
}

std::int64_t ChooseTile(std::span<const std::int64_t> sizes, std::span<const double> seconds) {
  if (std::ssize(sizes) < kLeastSizes) return 0;
  return InterpolationError(sizes, seconds, kPromptTile) <
                 kGain * InterpolationError(sizes, seconds, 0)
             ? kPromptTile
             : 0;
}

}  // namespace lts
