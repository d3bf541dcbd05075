// How weights change by their gradients. Plain loops over ranges of one tensor: whoever has threads
// gives each its range, and the result is the same however the ranges are cut, except where a
// function returns a sum.
//
//   AdamW  Loshchilov & Hutter 2019, arXiv:1711.05101, with PyTorch's order of operations:
//          w -= rate * decay * w;  m, v: moving averages of g and g^2;
//          w -= rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
//   LAMB   You et al. 2020, arXiv:1904.00962, algorithm 2 with phi(z) = min(z, 10): the same
//          quotient plus decay * w is the direction of a tensor, whose length is made rate *
//          phi(|w|). A tensor of zeros, or a direction of zeros, keeps the length that it has.
//
// Does not know what a gradient is of, nor where it comes from.
#pragma once

#include <cstdint>
#include <span>

#include "lts/base/enum_table.h"

namespace lts {

enum class OptimizerKind { kAdamW, kLamb };
inline constexpr EnumTable<OptimizerKind, 2> kOptimizerKinds{
    "optimizer", {{{OptimizerKind::kAdamW, "adamw"}, {OptimizerKind::kLamb, "lamb"}}}};

// The defaults are the published recipe's.
struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdamW;
  double beta1 = 0.9;         // [0, 1)
  double beta2 = 0.95;        // [0, 1)
  double epsilon = 1e-8;      // (0, 1]
  double weight_decay = 0.1;  // [0, 1]; of matrices alone, tables included
  // Gradients are scaled down together until their common length is this; 0: never. [0, 1e6]
  double clip_norm = 1.0;
};
// Throws kInvalidArgument with got and expected.
void CheckOptimizerOptions(const OptimizerOptions& options);

// What one update is, the same for all ranges of a tensor.
struct UpdateStep {
  double learning_rate = 0;   // >= 0
  std::int64_t step = 1;      // t of the bias corrections: 1 for the first update
  double gradient_scale = 1;  // multiplies every gradient: clipping
  bool decays = true;         // whether weight_decay applies to this tensor
};

// A range of a tensor; all of equal size. Moments start as zeros.
struct UpdateRange {
  std::span<float> weights;
  std::span<const float> gradients;
  std::span<float> first_moment;
  std::span<float> second_moment;
};

// One pass over memory. In float32.
void UpdateAdamW(const OptimizerOptions& options, const UpdateStep& step, const UpdateRange& range);

// LAMB takes two passes: the first gives the moments their new values and returns what the second
// needs of the whole tensor, so sum the ranges' norms in a fixed order.
struct LambNorms {
  double weights = 0;    // sum of squares
  double direction = 0;  // sum of squares
};
LambNorms UpdateLambMoments(const OptimizerOptions& options, const UpdateStep& step,
                            const UpdateRange& range);
// `norms` are those of the whole tensor.
void UpdateLambWeights(const OptimizerOptions& options, const UpdateStep& step,
                       const LambNorms& norms, const UpdateRange& range);

// In double. NaN and infinite values give no finite sum.
double SumOfSquares(std::span<const float> values);

// What gradients of the length `norm` are multiplied by: at most 1. NaN for a norm of NaN.
double ClipScale(double norm, double clip_norm);

}  // namespace lts
