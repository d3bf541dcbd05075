// Laws that predict the quality of a decoder from its shape, without training it. To add one:
// laws/<name>.cc with a Law, and one line in registry.cc; docs/quality.md says how they are judged.
//
// A law ranks decoders of one kind trained alike: same data, same number of tokens, same recipe.
// Across vocabularies or corpora its values mean nothing. All functions are pure and take a
// microsecond or two, DecoderFrame's constructor included below ten.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lts/arch/architecture.h"
#include "lts/quality/decoder_shape.h"

namespace lts {

// Lower value = better model predicted. [low, high] holds, with 95 % confidence, the value that the
// law would have had to give to be right.
struct Prediction {
  double value = 0;
  double low = 0;
  double high = 0;
};

inline constexpr double kNormal95 = 1.959963984540054;  // two-sided 95 % of the normal distribution

inline constexpr std::size_t kMaxLawSums = 4;

struct LtsLawFit;  // lts_law.h

struct Law {
  std::string_view name;  // as on the command line
  std::string_view summary;
  std::string_view source;
  // What `value` wants of the layers, at most kMaxLawSums.
  std::span<const LayerSum> sums;
  // The prediction from sums over all layers, in the order of `sums`; n_layer >= 1.
  double (*value)(const DecoderFrame& frame, std::int64_t n_layer, std::span<const double> sums);
  // Whether the value never rises with any of the sums, all else equal: what lets the exact solver
  // drop decoders (search/separable_space.h).
  bool more_is_better = true;
  // How fast ln perplexity rises with the value, about: the median of the slopes in the seven sets
  // of the LTS benchmark. 0: the value is no loss.
  double loss_scale = 0;
  // How far off the value is, as one standard deviation: `spread`, times |value| where
  // `relative_spread`. The median over the sets of the LTS benchmark.
  double spread = 0;
  bool relative_spread = false;
  // Where the interval depends on the decoder; null: by `spread`.
  Prediction (*predict)(const DecoderFrame& frame, std::int64_t n_layer,
                        std::span<const double> sums) = nullptr;
};

// All laws, lts_law last.
std::span<const Law* const> Laws();
const Law& FindLaw(std::string_view name);  // throws kNotFound with a suggestion

// The sums of an architecture, the first law.sums.size() of them.
std::array<double, kMaxLawSums> SumsOf(const Law& law, const DecoderFrame& frame,
                                       const Architecture& architecture);
// `own`: the constants that lts_law has instead of the frozen ones (law_file.h), which other laws
// have no use for. The first two throw as BuildGraph does; `sums`: those of law.sums over all
// layers.
double LawValue(const Law& law, const Architecture& architecture, const LtsLawFit* own = nullptr);
Prediction Predict(const Law& law, const Architecture& architecture,
                   const LtsLawFit* own = nullptr);
double LawValueOfSums(const Law& law, const DecoderFrame& frame, std::int64_t n_layer,
                      std::span<const double> sums, const LtsLawFit* own = nullptr);
// Law::loss_scale, or what the own constants' models say.
double LossScale(const Law& law, const LtsLawFit* own = nullptr);

}  // namespace lts
