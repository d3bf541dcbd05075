// CodeGen (Nijkamp et al. 2022, arXiv:2203.13474): attention and feed-forward block side by side on
// one LayerNorm, rotary positions of neighbouring pairs on the first rotary_dims of each head, no
// biases in attention, a head of its own with a bias. n_head is a multiple of 4.
#pragma once

#include "lts/arch/registry.h"

namespace lts {

extern const Backbone kCodeGenBackbone;

}  // namespace lts
