// ONNX Runtime as a runtime: what most people deploy these models with. float32 on its CPU provider
// or another of the library (provider.h), with all of its graph optimisations; its library is
// opened at run time (library.h).
//
// The graph is written in memory (export/onnx.h): with the library's own operators and the cache in
// place where d_head is a multiple of 8 in every layer, else with two caches that steps read and
// write by turns. Weights are handed over by pointer. The library packs the matrices while it loads
// and so holds a copy of most of them beside the originals; the account of memory does not count
// it. LoadRandom for timing shares one set of random numbers among all models; for memory it makes
// the process hold what the library alone holds when it loads a file: originals that are packed are
// gone.
//
// Another provider than the CPU's gets standard operators and two caches by turns: they stay in
// main memory, from where the library copies them to the provider's and back in every step. What a
// provider has no operator for runs on the CPU's.
//
// A step allocates: the library takes its intermediate values from an arena of its own at every
// run. Idle threads spin within a step, as by default, but not between steps, where they would take
// the cores from what runs next.
#pragma once

#include "lts/runtime/runtime.h"

namespace lts {

extern const RuntimeEntry kOrtRuntime;

}  // namespace lts
