// The loss at the end of a decoder. Internal to this module.
#pragma once

#include <ATen/ATen.h>

namespace lts::torch_engine {

// The mean over rows of -log softmax(logits)[target], in nats: a float32 scalar that can be
// differentiated once. logits: float32 [rows, V]; targets: int64 [rows], in [0, V).
//   The gradient is computed with the loss, in the memory that held the logarithms, so a training
//   step holds logits and one more buffer of their size, and backward reads neither logits nor
//   targets.
at::Tensor CrossEntropy(const at::Tensor& logits, const at::Tensor& targets);

}  // namespace lts::torch_engine
