// Counts every heap allocation of the test program, in all threads and libraries: replaces malloc
// and its kin by ones that count and then call glibc's. Tests only.
#pragma once

#include <cstdint>

namespace lts {

// False under sanitizers, which replace malloc themselves.
bool CanCountAllocations();
// Since the start of the process.
std::int64_t AllocationCount();

}  // namespace lts
