#include <cmath>

#include "lts/quality/law.h"

namespace lts {
namespace {

constexpr LayerSum kSums[] = {LayerSum::kAttentionParams, LayerSum::kFeedForwardParams};

// Chinchilla's law without the term of training tokens, which is the same for all (Hoffmann et al.
// 2022, arXiv:2203.15556, table A3).
double OptimalLoss(double params) { return 1.69 + 406.4 * std::pow(params, -0.34); }

// N is what attention and feed-forward hold; norms are left out.
double Value(const DecoderFrame& frame, std::int64_t /*n_layer*/, std::span<const double> sums) {
  const double params = sums[0] + sums[1];
  const double x = static_cast<double>(frame.d_model()) / std::sqrt(params);
  const double r = sums[1] / sums[0];
  return (2.697 + 0.0974 * std::log(x) + 0.0078 / x) *
         (0.3870 + 0.0063 * std::log(r) + 0.0065 / r) * OptimalLoss(params);
}

}  // namespace

extern const Law kConditionalLaw;
constexpr Law kConditionalLaw{
    .name = "conditional",
    .summary = "the loss of the best shape of that size, times penalties for width and balance",
    .source = "arXiv:2510.18245, above 200 models of 80M to 3B; Chinchilla's loss",
    .sums = kSums,
    .value = Value,
    .more_is_better = false,  // balance has an optimum
    .loss_scale = 0.347,
    .spread = 0.082};

}  // namespace lts
