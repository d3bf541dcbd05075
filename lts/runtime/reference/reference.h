// The reference runtime: float32 weights, plain loops, float64 accumulation, one thread, obviously
// right. Everything faster is held against it. Not for: speed. Materialises one row of attention
// scores at a time.
#pragma once

#include "lts/runtime/runtime.h"

namespace lts {

extern const RuntimeEntry kReferenceRuntime;

}  // namespace lts
