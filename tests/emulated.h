// Whether the tests run under an emulator (cmake/aarch64.cmake), for the few that need the real
// kernel.
#pragma once

#include <stdlib.h>

namespace lts {

// A test that asks says in its skip message what the emulator cannot do.
inline bool Emulated() {
  return getenv("LTS_EMULATOR") != nullptr;  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace lts
