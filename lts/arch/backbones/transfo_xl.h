// Transformer-XL (Dai et al. 2019, arXiv:1901.02860) as the LTS paper trained it (Archai's
// mem_transformer, from NVIDIA's code) and Hugging Face's "transfo-xl" of attention type 0: norms
// after the residual sums, relative positions over a memory of memory_tokens earlier hidden states
// with biases of each layer's own, ReLU, no biases in attention, an adaptive vocabulary always.
// Described and counted: no engine runs it, and no checkpoint is read.
//
// Relative positions set no limit to the context: max_seq_len is the length of a segment (tgt_len),
// the most tokens of a workload that are counted. A head is d_model / n_head wide, as in the
// paper's code; Hugging Face's d_head may be no other.
#pragma once

#include "lts/arch/registry.h"

namespace lts {

extern const Backbone kTransfoXlBackbone;

}  // namespace lts
