// The laws of quality as objectives; what they predict is written where they are (quality/laws/).
#include "lts/objectives/objective.h"

namespace lts {
namespace {

constexpr char kSqrtAttnFfn[] = "sqrt_attn_ffn";
constexpr char kNsc[] = "nsc";
constexpr char kGemstones[] = "gemstones";
constexpr char kConditional[] = "conditional";
constexpr char kSeparable[] = "separable";
constexpr char kLtsLaw[] = "lts_law";

template <const char* kName>
Prediction PredictBy(const Architecture& architecture) {
  static const Law& law = FindLaw(kName);
  return Predict(law, architecture);
}

template <const char* kName>
constexpr Objective OfLaw(Metric metric, std::string_view summary) {
  return {metric,          summary, MeasuredBy::kCounting, nullptr, /*in_every_report=*/false,
          PredictBy<kName>};
}

}  // namespace

extern const Objective kSqrtAttnFfnObjective;
constexpr Objective kSqrtAttnFfnObjective = OfLaw<kSqrtAttnFfn>(
    Metric::kSqrtAttnFfn, "law of quality: attention and feed-forward parameters in balance");
extern const Objective kNscObjective;
constexpr Objective kNscObjective =
    OfLaw<kNsc>(Metric::kNsc, "law of quality: spectral capacity of the weight matrices");
extern const Objective kGemstonesObjective;
constexpr Objective kGemstonesObjective =
    OfLaw<kGemstones>(Metric::kGemstones, "law of quality: powers of width, depth and parameters");
extern const Objective kConditionalObjective;
constexpr Objective kConditionalObjective = OfLaw<kConditional>(
    Metric::kConditional, "law of quality: parameters, with penalties for width and balance");
extern const Objective kSeparableObjective;
constexpr Objective kSeparableObjective =
    OfLaw<kSeparable>(Metric::kSeparable, "law of quality: powers of depth, widths and heads");
extern const Objective kLtsLawObjective;
constexpr Objective kLtsLawObjective =
    OfLaw<kLtsLaw>(Metric::kLtsLaw, "law of quality: lts's own, bottlenecks that add up");

}  // namespace lts
