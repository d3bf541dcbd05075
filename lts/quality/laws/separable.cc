#include <algorithm>
#include <cmath>

#include "lts/quality/law.h"

namespace lts {
namespace {

constexpr LayerSum kSums[] = {LayerSum::kDInner, LayerSum::kLog2Heads};

double Value(const DecoderFrame& frame, std::int64_t n_layer, std::span<const double> sums) {
  const auto depth = static_cast<double>(n_layer);
  const auto width = static_cast<double>(frame.d_model());
  const auto& clusters = frame.clusters();
  const auto embedded = static_cast<double>(clusters.front().d_embed);
  // The width of the second cluster; where there is one alone, it is its own tail.
  const auto tail =
      static_cast<double>(clusters[std::min<std::size_t>(1, clusters.size() - 1)].d_embed);
  return std::pow(depth, -0.4638) + 0.7079 * std::pow(width / 100, -0.5958) +
         5.2079 * std::pow(sums[0] / depth / 1000, -0.0284) +
         1.3026 * std::pow(std::min(width, embedded) / 100, -0.0881) +
         0.0034 * std::pow(std::min(width, tail) / 100, -2.7102) +
         0.1839 * std::exp2(-0.1948 * sums[1] / depth);
}

}  // namespace

extern const Law kSeparableLaw;
constexpr Law kSeparableLaw{
    .name = "separable",
    .summary = "a sum of powers of depth, widths and heads, each on its own",
    .source = "least squares over all development sets of the LTS benchmark, 11 constants",
    .sums = kSums,
    .value = Value,
    .loss_scale = 0.860,
    .spread = 0.031};

}  // namespace lts
