#include "lts/quality/law.h"

namespace lts {
namespace {

constexpr LayerSum kSums[] = {LayerSum::kAttentionParams, LayerSum::kFeedForwardParams,
                              LayerSum::kNormParams};

double Value(const DecoderFrame& frame, std::int64_t /*n_layer*/, std::span<const double> sums) {
  return -(sums[0] + sums[1] + sums[2] + frame.final_norm_params() + frame.embedding_params() +
           frame.head_params());
}

}  // namespace

extern const Law kTotalParamsLaw;
constexpr Law kTotalParamsLaw{.name = "total_params",
                              .summary = "minus all parameters; what is tied counts once",
                              .source = "the usual size of a model; no paper",
                              .sums = kSums,
                              .value = Value,
                              .spread = 0.19,
                              .relative_spread = true};

}  // namespace lts
