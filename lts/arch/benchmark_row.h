// The architectures of the LTS paper's released benchmark (Javaheripi et al. 2022,
// arXiv:2203.02094): decoders that were really trained, one row of a table each.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/architecture.h"

namespace lts {

// What a row says of its architecture, by the names of the columns. Every head is d_model / n_head
// wide.
struct BenchmarkRow {
  std::string backbone;  // "gpt2_flex" or "mem_transformer"
  std::int64_t n_layer = 0;
  std::int64_t d_model = 0;
  std::int64_t d_embed = -1;  // -1: d_model
  std::int64_t div_val = 1;
  std::int64_t n_token = 0;           // the vocabulary
  std::vector<std::int64_t> n_head;   // by layer; a single one is every layer's
  std::vector<std::int64_t> d_inner;  // by layer; a single one is every layer's
  std::int64_t tgt_len = 0;           // of a segment; max_seq_len of the architecture
  std::int64_t mem_len = 0;           // of the memory; meaningless for gpt2_flex
  // Not in the table: the clusters of the vocabulary, which follow from the corpus. Cutoffs at or
  // above n_token are dropped.
  std::vector<std::int64_t> cutoffs;
  bool tied_projections = false;
};

// The row from its cells by the name of their column; columns of other names are not looked at.
// Needed are backbone, n_layer, d_model, n_head and d_inner (integers separated by blanks). Where
// the others are absent or empty: d_embed = d_model, div_val 4, n_token 50264 (gpt2_flex) or
// 267735, tgt_len and mem_len 192. `set` chooses the clusters: those of the One Billion Word runs
// where it contains "lm1b", else those of WikiText-103, the defaults of the paper's code. Throws
// kInvalidArgument "<where>: column '<name>': got ..., expected ...".
BenchmarkRow ParseBenchmarkRow(const std::map<std::string, std::string>& cells,
                               std::string_view where);

// Throws as Architecture does, `where` in front, and kNotFound for another backbone.
Architecture ArchitectureOfBenchmarkRow(const BenchmarkRow& row, std::string_view where = "");

}  // namespace lts
