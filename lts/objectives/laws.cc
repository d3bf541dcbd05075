// The laws of quality as objectives; what they predict is written where they are (quality/laws/).
#include "lts/objectives/objective.h"

namespace lts {
namespace {

constexpr Objective OfLaw(Metric metric, std::string_view summary) {
  return {metric, summary, MeasuredBy::kCounting, nullptr, /*in_every_report=*/false};
}

}  // namespace

extern const Objective kSqrtAttnFfnObjective;
constexpr Objective kSqrtAttnFfnObjective =
    OfLaw(Metric::kSqrtAttnFfn, "law of quality: attention and feed-forward parameters in balance");
extern const Objective kNscObjective;
constexpr Objective kNscObjective =
    OfLaw(Metric::kNsc, "law of quality: spectral capacity of the weight matrices");
extern const Objective kGemstonesObjective;
constexpr Objective kGemstonesObjective =
    OfLaw(Metric::kGemstones, "law of quality: powers of width, depth and parameters");
extern const Objective kConditionalObjective;
constexpr Objective kConditionalObjective =
    OfLaw(Metric::kConditional, "law of quality: parameters, with penalties for width and balance");
extern const Objective kSeparableObjective;
constexpr Objective kSeparableObjective =
    OfLaw(Metric::kSeparable, "law of quality: powers of depth, widths and heads");
extern const Objective kLtsLawObjective;
constexpr Objective kLtsLawObjective =
    OfLaw(Metric::kLtsLaw, "law of quality: lts's own, bottlenecks that add up");

}  // namespace lts
