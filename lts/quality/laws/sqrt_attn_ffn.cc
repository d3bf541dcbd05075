#include <cmath>

#include "lts/quality/law.h"

namespace lts {
namespace {

constexpr LayerSum kSums[] = {LayerSum::kAttentionParams, LayerSum::kFeedForwardParams};

double Value(const DecoderFrame& /*frame*/, std::int64_t /*n_layer*/,
             std::span<const double> sums) {
  return -std::sqrt(sums[0] * sums[1]);
}

}  // namespace

extern const Law kSqrtAttnFfnLaw;
constexpr Law kSqrtAttnFfnLaw{
    .name = "sqrt_attn_ffn",
    .summary = "minus the geometric mean of attention and feed-forward parameters",
    .source = "without parameters of its own; favours a balance of the two",
    .sums = kSums,
    .value = Value,
    .spread = 0.18,
    .relative_spread = true};

}  // namespace lts
