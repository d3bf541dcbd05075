// The frozen constants. Refitted, digit for digit, by
//   lts fit-law --benchmark shared/data/lts_benchmark --print-constants
#include "lts/quality/lts_law.h"

#include <iterator>

namespace lts {
namespace {

constexpr LtsLawVector kLogParameters{-1.373, 0.425, -2.013, -0.645, -1.670,
                                      -1.871, 0.304, -2.735, -0.456, -3.737};
constexpr double kCovariance[] = {
    0.0724,  0.0484,  -0.0247, 0.0364,  -0.0123, 0.0075,  0.0075,  0.0509,  -0.0295, 0.0512,
    0.0484,  0.0897,  -0.0805, 0.0343,  -0.0234, -0.0008, 0.0136,  0.0482,  -0.0127, 0.0582,
    -0.0247, -0.0805, 0.0823,  -0.0159, 0.0163,  0.0083,  -0.0129, -0.0338, 0.0049,  -0.0480,
    0.0364,  0.0343,  -0.0159, 0.1684,  -0.1458, 0.0178,  0.0023,  0.0231,  -0.0130, 0.0188,
    -0.0123, -0.0234, 0.0163,  -0.1458, 0.1389,  -0.0076, -0.0023, -0.0132, 0.0022,  -0.0095,
    0.0075,  -0.0008, 0.0083,  0.0178,  -0.0076, 0.0130,  -0.0035, -0.0014, -0.0013, -0.0074,
    0.0075,  0.0136,  -0.0129, 0.0023,  -0.0023, -0.0035, 0.0038,  0.0100,  -0.0017, 0.0111,
    0.0509,  0.0482,  -0.0338, 0.0231,  -0.0132, -0.0014, 0.0100,  0.0847,  -0.0351, 0.0418,
    -0.0295, -0.0127, 0.0049,  -0.0130, 0.0022,  -0.0013, -0.0017, -0.0351, 0.1247,  -0.0236,
    0.0512,  0.0582,  -0.0480, 0.0188,  -0.0095, -0.0074, 0.0111,  0.0418,  -0.0236, 0.0846};
constexpr double kResidual = 0.0198;

Prediction PredictFrozen(const DecoderFrame& frame, std::int64_t n_layer,
                         std::span<const double> sums) {
  return PredictLtsLaw(FrozenLtsLaw(), LtsLawInputsOf(frame, n_layer, sums));
}

double Value(const DecoderFrame& frame, std::int64_t n_layer, std::span<const double> sums) {
  return LtsLawValue(FrozenLtsLaw().log_parameters, LtsLawInputsOf(frame, n_layer, sums));
}

}  // namespace

const LtsLawFit& FrozenLtsLaw() {
  static const LtsLawFit fit{.log_parameters = kLogParameters,
                             .covariance = {std::begin(kCovariance), std::end(kCovariance)},
                             .residual = kResidual,
                             .models = 655,
                             .depth = {2, 16},
                             .width = {64, 960},
                             .d_inner = {520, 3968},
                             .heads = {2, 8}};
  return fit;
}

extern const Law kLtsLaw;
constexpr Law kLtsLaw{
    .name = "lts_law",
    .summary = "a sum of bottlenecks: depth, widths, embedding and heads",
    .source = "this project, docs/quality.md: least squares over the LTS benchmark",
    .sums = kLtsLawSums,
    .value = Value,
    .loss_scale = 1.170,
    .predict = PredictFrozen};

}  // namespace lts
