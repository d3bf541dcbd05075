// Peak memory, measured where nothing else is: a fresh child process per model loads it and runs the workload.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "lts/arch/architecture.h"
#include "lts/record/measurement.h"
#include "lts/runtime/runtime.h"

namespace lts {

struct MemoryProbeResult {
  std::int64_t peak_bytes = 0;      // peak RSS (VmHWM) above the same process just before it loads the model
  std::int64_t baseline_bytes = 0;  // RSS of that empty process, runtime and thread pool already created
  MemoryAccount account;            // the engine's own
};

struct MemoryProbeOptions {
  std::string executable;           // a program whose first argument "memory-probe" calls RunMemoryProbeChild; "" = self
  double timeout_s = 120;
};

// Runs the child and waits. Throws kIo when it cannot be started, kCancelled on timeout, kOutOfMemory when the child was
// killed or refused; the child's own one-line error is passed on.
MemoryProbeResult ProbeMemory(const Architecture& architecture, const RuntimeConfig& config, const Workload& workload,
                              const MemoryProbeOptions& options);

// The child's side: reads the request (JSON) on stdin, answers with JSON on stdout, returns the exit code.
int RunMemoryProbeChild(std::istream& in, std::ostream& out, std::ostream& err);

// Bytes that loading and running need, by count (weights twice while packing, KV cache, workspace): refuse before
// allocating. Throws kOutOfMemory: "model needs about 12.3 GiB, 7.9 GiB are available; ...".
void CheckFitsInMemory(const Architecture& architecture, const RuntimeConfig& config, const Workload& workload);

}  // namespace lts
