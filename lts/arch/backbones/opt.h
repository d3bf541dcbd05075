// OPT (Zhang et al. 2022, arXiv:2205.01068): GPT-2 with ReLU and positions that start at 2. Not
// OPT-350M, whose norms come after the blocks and whose embedding is narrower than the model.
#pragma once

#include "lts/arch/registry.h"

namespace lts {

extern const Backbone kOptBackbone;

}  // namespace lts
