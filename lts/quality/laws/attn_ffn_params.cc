#include "lts/quality/law.h"

namespace lts {
namespace {

constexpr LayerSum kSums[] = {LayerSum::kAttentionParams, LayerSum::kFeedForwardParams};

double Value(const DecoderFrame& /*frame*/, std::int64_t /*n_layer*/,
             std::span<const double> sums) {
  return -(sums[0] + sums[1]);
}

}  // namespace

extern const Law kAttnFfnParamsLaw;
constexpr Law kAttnFfnParamsLaw{
    .name = "attn_ffn_params",
    .summary = "minus the parameters of attention and feed-forward, without norms",
    .source = "Kaplan et al. 2020, arXiv:2001.08361: what scaling laws call N",
    .sums = kSums,
    .value = Value,
    .spread = 0.17,
    .relative_spread = true};

}  // namespace lts
