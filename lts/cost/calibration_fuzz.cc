// Any bytes as a calibration file: only lts::Error escapes, and what is accepted predicts finite
// numbers and survives a round trip.
#include <cmath>
#include <cstdint>
#include <string_view>

#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/cost/calibration_file.h"

namespace {

void CheckAccepted(const lts::Calibration& calibration) {
  const lts::CostModel& model = calibration.model;
  const lts::Json json = ToJson(calibration);
  const lts::Json text = lts::ParseJson(lts::WriteJson(json), "round trip");
  LTS_CHECK(ToJson(lts::ParseCalibration(text, "round trip")) == json);
  const lts::Json& observations = *json.Find("model")->Find("observations");
  const lts::Architecture architecture =
      lts::ParseArchitecture(*observations.AsArray().front().Find("architecture"), "fuzz");
  for (const lts::Metric metric : {lts::Metric::kTtftMs, lts::Metric::kTpotMs,
                                   lts::Metric::kLatencyMs, lts::Metric::kPeakMemoryMib}) {
    if (!model.Has(metric)) continue;
    const lts::CostModel::Quality quality = model.CrossValidate(metric);
    LTS_CHECK(quality.observations >= 3 && quality.coverage >= 0 && quality.coverage <= 1);
    try {
      const lts::Estimate estimate = model.Predict(metric, architecture);
      LTS_CHECK(std::isfinite(estimate.value) && std::isfinite(estimate.high));
      LTS_CHECK(0 < estimate.low && estimate.low <= estimate.value);
    } catch (const lts::Error&) {
      // The first observation need not have this metric, nor be of the context then.
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const lts::Json json =
        lts::ParseJson({reinterpret_cast<const char*>(data), size}, "fuzz", {.max_bytes = 1 << 16});
    CheckAccepted(lts::ParseCalibration(json, "fuzz"));
  } catch (const lts::Error&) {
  }
  return 0;
}
