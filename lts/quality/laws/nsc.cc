#include "lts/quality/law.h"

namespace lts {
namespace {

constexpr LayerSum kSums[] = {LayerSum::kSpectralCapacity};

double Value(const DecoderFrame& /*frame*/, std::int64_t /*n_layer*/,
             std::span<const double> sums) {
  return -sums[0];
}

}  // namespace

extern const Law kNscLaw;
constexpr Law kNscLaw{
    .name = "nsc",
    .summary = "minus the spectral capacity of the weight matrices at initialisation",
    .source = "arXiv:2609.23087; queries, keys and values by head, entries of deviation 0.02",
    .sums = kSums,
    .value = Value,
    .spread = 0.19,
    .relative_spread = true};

}  // namespace lts
