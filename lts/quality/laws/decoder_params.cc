#include "lts/quality/law.h"

namespace lts {
namespace {

constexpr LayerSum kSums[] = {LayerSum::kAttentionParams, LayerSum::kFeedForwardParams,
                              LayerSum::kNormParams};

double Value(const DecoderFrame& frame, std::int64_t /*n_layer*/, std::span<const double> sums) {
  return -(sums[0] + sums[1] + sums[2] + frame.final_norm_params());
}

}  // namespace

extern const Law kDecoderParamsLaw;
constexpr Law kDecoderParamsLaw{
    .name = "decoder_params",
    .summary = "minus the parameters of attention, feed-forward and norms",
    .source = "Javaheripi et al. 2022, arXiv:2203.02094",
    .sums = kSums,
    .value = Value,
    .spread = 0.17,
    .relative_spread = true};

}  // namespace lts
