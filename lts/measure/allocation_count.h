// Counts calls of operator new in a test program that links allocation_count.cc.
#pragma once

#include <cstdint>

namespace lts {

std::int64_t AllocationCount();

}  // namespace lts
