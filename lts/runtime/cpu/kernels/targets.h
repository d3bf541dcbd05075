// The instruction set that the kernels run with.
//
// LTS_MAX_ISA in the environment limits it, to test or measure a machine as if it were a lesser
// one: LTS_MAX_ISA=AVX2 leaves out AVX-512 and AMX. It takes the names of the kernels' targets, on
// x86-64 AVX3_DL (Ice Lake's AVX-512), AVX3 (Skylake's), AVX2, SSE4 and SCALAR, on 64-bit Arm NEON;
// AMX lies beyond all of them. A limit beyond the machine's best is none. Unset or empty: no limit.
#pragma once

#include <cstdint>
#include <string_view>

namespace lts {

// Limits the dispatch of all kernels as LTS_MAX_ISA says, from the first call on; the environment
// is read once. Whoever makes a cpu runtime calls it before a kernel runs. Any thread. Throws
// kInvalidArgument for a name that is not among this build's.
void ApplyMaxIsa();
bool MaxIsaIsSet();  // whether LTS_MAX_ISA limits this process

// Highway's name of the best target that was compiled in, that the machine has and that the limit,
// once applied, allows: "AVX3", "AVX2", "NEON" ...
const char* KernelTarget();
const char* HighwayVersion();  // "1.0.3": of the headers that the kernels were compiled with

// Highway's mask of the targets that are better than the one called `isa`. Throws as ApplyMaxIsa
// does.
std::int64_t TargetsBeyond(std::string_view isa);

}  // namespace lts
