// Any text: a law.json that parses is written and read again to the same law, and predicts finite
// numbers.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lts/base/error.h"
#include "lts/quality/law_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const lts::LawFile law = lts::ParseLawFile(lts::ParseJson(text, "law.json"), "law.json");
    const std::string written = lts::WriteJson(lts::ToJson(law));
    const lts::LawFile again = lts::ParseLawFile(lts::ParseJson(written, "again"), "again");
    if (again.name != law.name || again.fit.covariance != law.fit.covariance) std::abort();
    for (std::size_t i = 0; i < lts::kLtsLawSize; ++i) {
      if (std::abs(again.fit.log_parameters[i] - law.fit.log_parameters[i]) > 1e-9) std::abort();
    }
    // The smallest decoder makes the most of absurd exponents.
    static const lts::LtsLawInputs inputs =
        lts::LtsLawInputsOf(lts::Architecture::Gpt2(1, 1, 1, 1));
    const lts::Prediction prediction = lts::PredictLtsLaw(law.fit, inputs);
    if (!std::isfinite(prediction.value) || !std::isfinite(prediction.high)) std::abort();
  } catch (const lts::Error&) {  // NOLINT(bugprone-empty-catch): bad text is refused
  }
  return 0;
}
