// Peak memory, measured where nothing else is: a fresh child process per model loads it and runs
// the workload.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

#include "lts/arch/architecture.h"
#include "lts/record/measurement.h"
#include "lts/runtime/runtime.h"

namespace lts {

struct MemoryProbeResult {
  std::int64_t peak_bytes =
      0;  // peak RSS (VmHWM) above the same process just before it loads the model
  std::int64_t load_peak_bytes =
      0;  // the part of it up to the end of loading: packing may need more than running
  std::int64_t running_peak_bytes =
      0;  // and from then on: what serving the workload holds; peak = the larger
  std::int64_t baseline_bytes =
      0;                  // RSS of that empty process, runtime and thread pool already created
  MemoryAccount account;  // the engine's own
};

struct MemoryProbeOptions {
  std::string executable;  // a program whose first argument "memory-probe" calls
                           // RunMemoryProbeChild; "" = this program
  double timeout_s = 120;  // > 0
  std::function<bool()>
      stop;  // asked about 20 times a second while the child runs; true ends it with kCancelled
};

// Runs the child and waits. Throws kIo when it cannot be started or answers nonsense, kCancelled on
// timeout, stop or an interrupt from the terminal, kOutOfMemory when the child was killed or
// refused, kUnsupported in a program that was itself started as a probe but did not act as one; the
// child's own one-line error is passed on with its code.
MemoryProbeResult ProbeMemory(const Architecture& architecture, const RuntimeConfig& config,
                              const Workload& workload, const MemoryProbeOptions& options);

// As a Measurement of kPeakMemoryMib. RSS is exact to a page, so the interval is the value itself.
Measurement PeakMemoryMeasurement(const MemoryProbeResult& result);

// The child's side: reads the request (JSON) on `in`, answers with JSON on `out`, returns the exit
// code: 0, or 1 after an error, which also goes to `err` as one line. Changes the whole process
// (malloc's arenas, the kernel's choice when memory runs out, death with its parent): call it in a
// process of its own.
int RunMemoryProbeChild(std::istream& in, std::ostream& out, std::ostream& err);

// Bytes that loading and running need, by count: the float32 weights as drawn or read and a copy of
// the largest of them while packing (in another dtype than f32: all packed weights beside them), KV
// cache and activations.
std::int64_t EstimateMemoryNeed(const Architecture& architecture, const RuntimeConfig& config,
                                const Workload& workload);

// Refuses before allocating. Throws kOutOfMemory when EstimateMemoryNeed exceeds what the machine
// has available: "model L96 d12288 ...: needs about 1400.0 GiB, 7.9 GiB are available; ...".
void CheckFitsInMemory(const Architecture& architecture, const RuntimeConfig& config,
                       const Workload& workload);

// The most resident bytes that this process had since it began, or since a memory probe restarted
// the count. Throws kUnsupported without Linux's /proc.
std::int64_t ProcessPeakBytes();

}  // namespace lts
