// The decoders that tests count, validate and export beside GPT-2. The first three are what the
// backbones of these names build; the last is written by hand with the ops, of no backbone: it
// proves that ops, counting and validation carry more than the backbones use.
#pragma once

#include <cstdint>
#include <vector>

#include "lts/arch/graph.h"

namespace lts {

// OPT (Zhang et al. 2022): GPT-2 with ReLU and positions that start at 2.
Graph OptGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
               std::int64_t n_head, std::int64_t vocab_size, std::int64_t max_seq_len);

// CodeGen (Nijkamp et al. 2022): attention and feed-forward side by side on one norm, RoPE on the
// first dims of each head. n_head: a multiple of 4.
Graph CodeGenGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
                   std::int64_t n_head, std::int64_t rotary_dims, std::int64_t vocab_size,
                   std::int64_t max_seq_len);

// Llama (Touvron et al. 2023): RMSNorm, SwiGLU, RoPE, grouped-query attention, no biases, untied
// head.
Graph LlamaGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_inner,
                 std::int64_t n_head, std::int64_t n_kv_head, std::int64_t vocab_size,
                 std::int64_t max_seq_len);

// OPT-350M's kind of OPT: tokens are projected from d_embed up to d_model and the head down, blocks
// are post-norm, and there is no final norm.
Graph ProjectedOptGraph(std::int64_t n_layer, std::int64_t d_model, std::int64_t d_embed,
                        std::int64_t d_inner, std::int64_t n_head, std::int64_t vocab_size,
                        std::int64_t max_seq_len);

}  // namespace lts
