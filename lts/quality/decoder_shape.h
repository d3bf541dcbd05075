// What quality laws know of a decoder: what all its layers share, and sums over the layers. Every
// law is a function of those alone, so that it can be searched exactly (search/pareto_dp.h), where
// an architecture exists only as such sums.
//
// Counts are those of arch/count.h; they follow from the graph of one layer, so that a decoder of
// any depth costs the same two or three microseconds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lts/arch/architecture.h"

namespace lts {

// A quantity of one layer that some law sums over the layers.
enum class LayerSum {
  kDInner,
  kLog2Heads,          // log2 n_head: sums to depth * log2 of the geometric mean of the heads
  kAttentionParams,    // weights and biases; no norms
  kFeedForwardParams,  // likewise
  kNormParams,
  kSpectralCapacity,  // of the weight matrices, see laws/nsc.cc
};

// What the layers of a decoder share.
class DecoderFrame {
 public:
  // A part of the vocabulary with its own embedding; ids fall in frequency (arch/op.h).
  struct Cluster {
    std::int64_t first = 0;
    std::int64_t count = 0;
    std::int64_t d_embed = 0;
  };

  // Throws as BuildGraph does. n_layer and the layers' shapes but for the kind of their attention
  // do not matter.
  explicit DecoderFrame(const Architecture& architecture);

  std::int64_t d_model() const { return d_model_; }
  std::int64_t vocab_size() const { return vocab_size_; }
  const std::vector<Cluster>& clusters() const { return clusters_; }  // at least one
  double final_norm_params() const { return final_norm_params_; }
  double embedding_params() const { return embedding_params_; }  // tables, projections, positions
  double head_params() const { return head_params_; }            // 0 where tied

  // What a layer of that shape adds to the sum. O(1).
  double Of(LayerSum sum, const LayerShape& layer) const;

 private:
  double SpectralCapacity(const LayerShape& layer) const;

  std::int64_t d_model_ = 0;
  std::int64_t vocab_size_ = 0;
  std::vector<Cluster> clusters_;
  double final_norm_params_ = 0;
  double embedding_params_ = 0;
  double head_params_ = 0;
  // Of one layer. Query heads together are d_model wide, key/value heads n_kv_head / n_head of it.
  double attention_params_ = 0;         // whatever the heads
  double attention_params_per_kv_ = 0;  // for each unit of n_kv_head * d_head
  double feed_forward_params_ = 0;
  double feed_forward_params_per_d_inner_ = 0;
  double norm_params_ = 0;
  bool relative_ = false;  // relative positions have a projection of their own
  int feed_forward_matrices_ = 2;
};

// log(1 + x)'s mean over the squared singular values x of a random matrix [m, n] with entries of
// standard deviation `std`, in the limit of large m and n, times min(m, n): the capacity of a
// linear channel (Marchenko-Pastur density; closed form: Tulino & Verdu 2004, "Random Matrix Theory
// and Wireless Communications", eq. 1.12 and 1.14). m, n >= 1; 0 < std.
double SpectralCapacity(double m, double n, double std);

}  // namespace lts
