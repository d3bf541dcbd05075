// What the shared library of an engine exports, under C's name so that it can be looked up.
#pragma once

#include "lts/train/learner.h"

namespace lts {

struct EngineOffer {
  const char* version = nullptr;          // of lts that the library was built with
  const LearnerEngine* engine = nullptr;  // lives as long as the library
};
using EngineEntry = EngineOffer (*)();
inline constexpr const char* kEngineEntryName = "LtsLearnerEngine";

}  // namespace lts
