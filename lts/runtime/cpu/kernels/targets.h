// The instruction set that the kernels run with on this machine.
#pragma once

namespace lts {

const char*
KernelTarget();  // "AVX3", "AVX2", "NEON" ...: Highway's name of the best one that was compiled in
const char* HighwayVersion();  // "1.0.3": of the headers that the kernels were compiled with

}  // namespace lts
