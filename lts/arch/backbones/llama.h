// Llama (Touvron et al. 2023, arXiv:2302.13971 and 2307.09288): RMSNorm, rotary positions on whole
// heads, grouped-query attention, SwiGLU, no biases; the head is its own or tied.
#pragma once

#include "lts/arch/registry.h"

namespace lts {

extern const Backbone kLlamaBackbone;

}  // namespace lts
