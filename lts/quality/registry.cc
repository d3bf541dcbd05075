#include <cmath>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/quality/law.h"
#include "lts/quality/lts_law.h"

namespace lts {

// One line per law, in the order of tables.
#define LTS_LAWS(X)    \
  X(kDecoderParamsLaw) \
  X(kAttnFfnParamsLaw) \
  X(kTotalParamsLaw)   \
  X(kSqrtAttnFfnLaw)   \
  X(kNscLaw)           \
  X(kGemstonesLaw)     \
  X(kConditionalLaw)   \
  X(kSeparableLaw)     \
  X(kLtsLaw)

#define LTS_DECLARE(law) extern const Law law;
LTS_LAWS(LTS_DECLARE)
#undef LTS_DECLARE

namespace {

#define LTS_ADDRESS(law) &law,
constexpr const Law* kLaws[] = {LTS_LAWS(LTS_ADDRESS)};
#undef LTS_ADDRESS

}  // namespace

std::span<const Law* const> Laws() { return kLaws; }

const Law& FindLaw(std::string_view name) {
  std::vector<std::string> known;
  for (const Law* law : kLaws) {
    if (law->name == name) return *law;
    known.emplace_back(law->name);
  }
  throw Error(ErrorCode::kNotFound, UnknownName("law", name, known));
}

std::array<double, kMaxLawSums> SumsOf(const Law& law, const DecoderFrame& frame,
                                       const Architecture& architecture) {
  LTS_DCHECK(law.sums.size() <= kMaxLawSums);
  std::array<double, kMaxLawSums> sums{};
  for (const LayerShape& layer : architecture.layers()) {
    for (std::size_t i = 0; i < law.sums.size(); ++i) sums[i] += frame.Of(law.sums[i], layer);
  }
  return sums;
}

double LawValueOfSums(const Law& law, const DecoderFrame& frame, std::int64_t n_layer,
                      std::span<const double> sums, const LtsLawFit* own) {
  if (own != nullptr && &law == &kLtsLaw)
    return LtsLawValue(own->log_parameters, LtsLawInputsOf(frame, n_layer, sums));
  return law.value(frame, n_layer, sums);
}

double LawValue(const Law& law, const Architecture& architecture, const LtsLawFit* own) {
  const DecoderFrame frame(architecture);
  const auto sums = SumsOf(law, frame, architecture);
  return LawValueOfSums(law, frame, architecture.n_layer(), std::span(sums).first(law.sums.size()),
                        own);
}

Prediction Predict(const Law& law, const Architecture& architecture, const LtsLawFit* own) {
  const DecoderFrame frame(architecture);
  const auto all = SumsOf(law, frame, architecture);
  const auto sums = std::span(all).first(law.sums.size());
  if (own != nullptr && &law == &kLtsLaw)
    return PredictLtsLaw(*own, LtsLawInputsOf(frame, architecture.n_layer(), sums));
  if (law.predict != nullptr) return law.predict(frame, architecture.n_layer(), sums);
  const double value = law.value(frame, architecture.n_layer(), sums);
  const double half = kNormal95 * law.spread * (law.relative_spread ? std::abs(value) : 1);
  return {value, value - half, value + half};
}

double LossScale(const Law& law, const LtsLawFit* own) {
  return own != nullptr && &law == &kLtsLaw && own->scale > 0 ? own->scale : law.loss_scale;
}

}  // namespace lts
