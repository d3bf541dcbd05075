// lts_law: our law of quality, a sum of bottlenecks. Each thing that limits a decoder costs a power
// of its size, and the costs add up:
//
//   value =      depth^-a                        depth = n_layer
//         + B_w (d_model / 100)^-b_w             width of the residual stream
//         + B_f (d_inner / 1000)^-b_f            mean over the layers
//         + B_e sum_i s_i (min(d_model, e_i) / 100)^-b_e
//         + B_h n_head^-b_h                      geometric mean over the layers
//         + B_s                                  where the clusters share one table width
//
// where i runs over the first two clusters of the vocabulary, whose embeddings are e_i wide, and
// s_i is a cluster's part of the text of both: by Zipf's law, words of ranks r1..r2 make ln(r2 /
// r1) of it. Clusters of one width (div_val 1) have no projections of their own, which costs B_s.
// Rarer words do not gain from width: free weights for their clusters are fitted as zero. ln
// perplexity = offset + scale * value; offset and scale belong to the corpus and the recipe, not to
// the law.
//
// So more of anything is never worse, nothing helps without limit, and a perplexity stays above
// exp(offset). What it does not know: the number of training tokens, and what is not listed above.
// docs/quality.md has how it was chosen and how well it ranks what it was not fitted on.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/quality/decoder_shape.h"
#include "lts/quality/law.h"
#include "lts/quality/least_squares.h"

namespace lts {

// The parameters, all positive, in the order of kLtsLawParameters: weights B and exponents b.
inline constexpr std::size_t kLtsLawSize = 10;
using LtsLawVector = std::array<double, kLtsLawSize>;
inline constexpr std::array<std::string_view, kLtsLawSize> kLtsLawParameters{
    "depth_exponent",   "width_weight",     "width_exponent",     "d_inner_weight",
    "d_inner_exponent", "embedding_weight", "embedding_exponent", "heads_weight",
    "heads_exponent",   "shared_weight"};

// What the law looks at.
struct LtsLawInputs {
  double depth = 1;
  double width = 1;
  double d_inner = 1;     // mean over the layers
  double log2_heads = 0;  // mean over the layers
  struct Embedding {
    double share = 1;  // s_i
    double width = 1;  // min(d_model, d_embed)
  };
  std::vector<Embedding> embeddings;  // their shares add up to 1
  bool shared = false;  // several clusters, all as wide, with one table and projection
};
inline constexpr std::array<LayerSum, 2> kLtsLawSums{LayerSum::kDInner, LayerSum::kLog2Heads};
// From sums over the layers, in the order of kLtsLawSums.
LtsLawInputs LtsLawInputsOf(const DecoderFrame& frame, std::int64_t n_layer,
                            std::span<const double> sums);
LtsLawInputs LtsLawInputsOf(const Architecture& architecture);

// Constants with what is known of their error. The frozen ones: FrozenLtsLaw().
struct LtsLawFit {
  LtsLawVector log_parameters{};  // natural logarithms
  // Of log_parameters; [kLtsLawSize * kLtsLawSize].
  SymmetricMatrix covariance;
  double residual = 0;  // standard deviation of ln perplexity / scale around the law
  // Of ln perplexity = offset + scale * value; scale 0 where it is not known (the frozen constants:
  // every corpus has its own).
  double offset = 0;
  double scale = 0;
  // What the constants were fitted on.
  std::int64_t models = 0;
  struct Range {
    double low = 0;
    double high = 0;
    bool operator==(const Range&) const = default;
  };
  Range depth, width, d_inner, heads;
  bool operator==(const LtsLawFit&) const = default;
};
const LtsLawFit& FrozenLtsLaw();

double LtsLawValue(const LtsLawVector& log_parameters, const LtsLawInputs& inputs);
// Its derivatives by the logarithms of the parameters.
LtsLawVector LtsLawGradient(const LtsLawVector& log_parameters, const LtsLawInputs& inputs);

// With the interval from residual and covariance. What the constants are unsure of in common for
// all decoders does not count: the error is relative to the middle of what they were fitted on, and
// grows with the distance from it.
Prediction PredictLtsLaw(const LtsLawFit& fit, const LtsLawInputs& inputs);

// Which of two decoders is better, and how sure that is.
struct LawComparison {
  double difference = 0;   // of the values, first - second: below 0 the first is better
  double deviation = 0;    // standard deviation of the difference
  double probability = 0;  // that the first is better
  bool tie = false;        // no better than a tie at 95 %: |difference| < 1.96 deviation
};
LawComparison CompareByLtsLaw(const LtsLawFit& fit, const LtsLawInputs& a, const LtsLawInputs& b);

// "" inside the range that the constants were fitted on, else the first dimension outside: "d_model
// 1600 is above 512, the widest that the law was fitted on".
std::string OutsideFit(const LtsLawFit& fit, const LtsLawInputs& inputs);

}  // namespace lts
