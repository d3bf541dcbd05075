// The arithmetic of the reference runtime: each function computes one row in float64 from float32
// weights, as the formula stands in arch/op.h. Plain loops, no scratch of their own, nothing
// allocated.
#pragma once

#include <cstdint>
#include <span>

#include "lts/arch/op.h"

namespace lts::reference {

// y = x W + b. x: [in], weight: [in, out] row-major, bias: [out] or empty, y: [out].
void Linear(std::span<const double> x, std::span<const float> weight, std::span<const float> bias,
            std::span<double> y);

// y = x W^T: y[i] = sum_j x[j] weight[i, j]. x: [in], weight: [out, in] row-major, y: [out].
void LinearTransposed(std::span<const double> x, std::span<const float> weight,
                      std::span<double> y);

// LayerNorm or RMSNorm of one row. x, gain, y: [d]; bias: [d] or empty.
void Norm(NormKind kind, float epsilon, std::span<const float> x, std::span<const float> gain,
          std::span<const float> bias, std::span<float> y);

// GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415) by its tanh approximation or exactly, ReLU,
// ReLU^2 (So et al. 2021, arXiv:2109.08668) and SiLU.
double Activate(Activation activation, double x);

// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) of one head at `position`, in place.
// Pair i of `rotary_dims` / 2 turns by position * base^(-2 i / rotary_dims); its members are x[i]
// and x[i + rotary_dims / 2] (kRotaryHalves) or x[2 i] and x[2 i + 1] (kRotaryInterleaved). The
// rest of the head stays. kNone does nothing.
void Rotate(PositionScheme scheme, std::int64_t position, std::int64_t rotary_dims, double base,
            std::span<double> head);

// One head of one query over its context: y = softmax(scale * keys query) values.
//   query, y: [d_head]; keys, values: [context, d_head] row-major, context = scores.size(); scores:
//   scratch.
void Attend(std::span<const double> query, std::span<const float> keys,
            std::span<const float> values, double scale, std::span<double> scores,
            std::span<double> y);

}  // namespace lts::reference
