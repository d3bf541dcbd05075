#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/objectives/objective.h"

namespace lts {

// One line per objective, in the order of Metrics().
#define LTS_OBJECTIVES(X)      \
  X(kDecoderParamsObjective)   \
  X(kTotalParamsObjective)     \
  X(kFlopsObjective)           \
  X(kLatencyMsObjective)       \
  X(kTtftMsObjective)          \
  X(kTpotMsObjective)          \
  X(kPeakMemoryMibObjective)   \
  X(kWeightsMibObjective)      \
  X(kKvCacheMibObjective)      \
  X(kOnnxFileMibObjective)     \
  X(kArchaiMemoryMibObjective) \
  X(kSqrtAttnFfnObjective)     \
  X(kNscObjective)             \
  X(kGemstonesObjective)       \
  X(kConditionalObjective)     \
  X(kSeparableObjective)       \
  X(kLtsLawObjective)

#define LTS_DECLARE(objective) extern const Objective objective;
LTS_OBJECTIVES(LTS_DECLARE)
#undef LTS_DECLARE

namespace {

#define LTS_ADDRESS(objective) &objective,
constexpr const Objective* kObjectives[] = {LTS_OBJECTIVES(LTS_ADDRESS)};
#undef LTS_ADDRESS

}  // namespace

std::span<const Objective* const> Objectives() { return kObjectives; }

const Objective& FindObjective(std::string_view name) {
  std::vector<std::string> known;
  for (const Objective* objective : kObjectives) {
    if (Info(objective->metric).name == name) return *objective;
    known.emplace_back(Info(objective->metric).name);
  }
  throw Error(ErrorCode::kNotFound, UnknownName("objective", name, known));
}

Measurement Count(const Objective& objective, const Architecture& architecture,
                  const Workload& workload, const RuntimeConfig& config, const LtsLawFit* own_law) {
  LTS_CHECK(objective.by == MeasuredBy::kCounting);
  Measurement m;
  m.metric = objective.metric;
  if (const MetricInfo& info = Info(objective.metric); info.by_law) {
    const Prediction prediction = Predict(FindLaw(info.name), architecture, own_law);
    m.value = m.p95 = prediction.value;
    m.low = prediction.low;
    m.high = prediction.high;
    m.source = "law";
    return m;
  }
  m.value = objective.count(BuildGraph(architecture), workload, config);
  m.low = m.high = m.p95 = m.value;
  m.source = "count";
  return m;
}

}  // namespace lts
