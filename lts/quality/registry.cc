#include <cmath>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/quality/law.h"

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

double LawValue(const Law& law, const Architecture& architecture) {
  const DecoderFrame frame(architecture);
  const auto sums = SumsOf(law, frame, architecture);
  return law.value(frame, architecture.n_layer(), std::span(sums).first(law.sums.size()));
}

Prediction Predict(const Law& law, const Architecture& architecture) {
  const DecoderFrame frame(architecture);
  const auto all = SumsOf(law, frame, architecture);
  const auto sums = std::span(all).first(law.sums.size());
  if (law.predict != nullptr) return law.predict(frame, architecture.n_layer(), sums);
  const double value = law.value(frame, architecture.n_layer(), sums);
  const double half = kNormal95 * law.spread * (law.relative_spread ? std::abs(value) : 1);
  return {value, value - half, value + half};
}

}  // namespace lts
