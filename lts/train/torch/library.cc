// The entry of the shared library that `lts train` opens (engine_library.h).
#include "lts/base/version.h"
#include "lts/train/engine_entry.h"
#include "lts/train/torch/torch_learner.h"

extern "C" __attribute__((visibility("default"))) lts::EngineOffer LtsLearnerEngine() {
  static const lts::torch_engine::TorchEngine engine;
  return {lts::kVersion, &engine};
}
