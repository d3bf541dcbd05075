#include <cmath>

#include "lts/quality/law.h"

namespace lts {
namespace {

constexpr LayerSum kSums[] = {LayerSum::kAttentionParams, LayerSum::kFeedForwardParams};

// N is what attention and feed-forward hold; norms are left out. So is the term of training tokens,
// which is the same for all.
double Value(const DecoderFrame& frame, std::int64_t n_layer, std::span<const double> sums) {
  const double params = sums[0] + sums[1];
  return std::exp(0.39246) +
         std::exp(1.45201) * std::pow(static_cast<double>(frame.d_model()), -0.24469) +
         std::exp(-0.07810) * std::pow(static_cast<double>(n_layer), -0.38715) +
         std::exp(7.97003) * std::pow(params, -0.50008);
}

}  // namespace

extern const Law kGemstonesLaw;
constexpr Law kGemstonesLaw{
    .name = "gemstones",
    .summary = "a sum of powers of width, depth and decoder parameters",
    .source = "Gemstones 2025, arXiv:2502.06857: 22 models, width 256-3072, depth 3-80",
    .sums = kSums,
    .value = Value,
    .loss_scale = 0.324,
    .spread = 0.088};

}  // namespace lts
