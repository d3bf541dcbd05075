// A stored configuration as a runtime takes it.
#pragma once

#include "lts/record/measurement.h"
#include "lts/runtime/runtime.h"

namespace lts {

inline RuntimeOptions OptionsOf(const RuntimeConfig& config) {
  return {.threads = config.threads,
          .dtype = config.dtype,
          .kv_dtype = config.kv_dtype,
          .library = config.library,
          .provider = config.provider};
}

}  // namespace lts
