// This machine's ceilings, and how near to them a result is. Source: Williams, Waterman & Patterson
// 2009, Communications of the ACM 52(4), "Roofline: an insightful visual performance model".
//
// A prefill cannot be faster than its FLOPs at the rate of multiply-adds from registers (tiles,
// where the processor has them), a decode step not faster than reading its bytes once. Both
// ceilings are measured, on as many threads as the engine uses, and the best of several tries
// counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "lts/arch/count.h"
#include "lts/base/clock.h"
#include "lts/base/dtype.h"

namespace lts {

struct ReadCeiling {
  std::int64_t bytes = 0;  // working set of all threads together, read again and again
  double bytes_per_s = 0;
};

struct Ceilings {
  int threads = 1;
  std::array<double, 3> flops_per_s{};    // by DType: multiply-adds from registers or tiles
  std::array<double, 3> product_per_s{};  // by DType: FLOPs of the cpu engine's own matrix product
  std::vector<ReadCeiling> read;          // ascending working sets, at least one

  double flops(DType dtype) const { return flops_per_s[static_cast<std::size_t>(dtype)]; }
  double product(DType dtype) const { return product_per_s[static_cast<std::size_t>(dtype)]; }
  // Of a working set: on a line between the two measured ones around it (in the logarithm of
  // bytes), and that of the nearest beyond them.
  double ReadRate(std::int64_t bytes) const;
};

// The least time that a prefill and a decode step of a workload can take on these ceilings.
struct LatencyBound {
  double ttft_ms = 0;
  double tpot_ms = 0;  // 0 without decode steps
};
LatencyBound BoundOf(const WorkloadCounts& counts, DType dtype, const Ceilings& ceilings);

struct CeilingOptions {
  int threads = 1;                                           // 1..1024
  int tries = 7;                                             // >= 1
  double seconds_per_try = 0.01;                             // > 0
  bool products = true;                                      // measure product_per_s as well
  std::vector<std::int64_t> read_mib = {1, 4, 16, 64, 256};  // those that fit a quarter of memory
};
// What is timed; tests give their own.
struct CeilingProbes {
  // Does at least `flops` FLOPs on one thread and returns how many.
  std::function<double(DType, double flops)> multiply_add;
  // Reads `count` floats once.
  std::function<void(const float* values, std::int64_t count)> read;
};
CeilingProbes KernelProbes();

// About a second. Throws kInvalidArgument on options outside their ranges, kOutOfMemory.
Ceilings MeasureCeilings(const CeilingOptions& options, const CeilingProbes& probes, Clock& clock);

}  // namespace lts
