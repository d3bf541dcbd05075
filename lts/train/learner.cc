#include "lts/train/learner.h"

#include <fmt/format.h>

namespace lts {

void CheckLearnerOptions(const LearnerOptions& options) {
  const auto fail = [](std::string_view what, auto got, std::string_view expected) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got {}, expected {}", what, got, expected));
  };
  if (options.threads < 1 || options.threads > 1024) {
    fail("threads", options.threads, "an integer in [1, 1024]");
  }
  if (options.dtype == DType::kInt8) {
    fail("dtype", kDTypes.Name(options.dtype), "f32 or bf16: int8 has no gradients");
  }
  if (!(options.dropout >= 0 && options.dropout < 1)) {
    fail("dropout", options.dropout, "a number in [0, 1)");
  }
  if (!(options.attention_dropout >= 0 && options.attention_dropout < 1)) {
    fail("attention dropout", options.attention_dropout, "a number in [0, 1)");
  }
  CheckOptimizerOptions(options.optimizer);
}

}  // namespace lts
