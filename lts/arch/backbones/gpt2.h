// GPT-2 (Radford et al. 2019): pre-LayerNorm blocks, learned positions, GELU, biases everywhere, a
// head tied to the token embedding. Heads and feed-forward widths may differ by layer (Archai's
// gpt2-flex); all equal is plain GPT-2.
#pragma once

#include "lts/arch/registry.h"

namespace lts {

extern const Backbone kGpt2Backbone;

}  // namespace lts
