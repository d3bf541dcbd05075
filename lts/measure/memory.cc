// The parent's side of the memory probe, and the estimate that comes before it.
#include "lts/measure/memory.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "lts/arch/count.h"
#include "lts/arch/graph.h"
#include "lts/base/aligned_buffer.h"
#include "lts/base/checked.h"
#include "lts/base/suggest.h"
#include "lts/measure/child_process.h"
#include "lts/measure/memory_protocol.h"

namespace lts {
namespace {

constexpr const char* kSelf = "/proc/self/exe";
// Set in the child. A program that ignores its argument and probes again would start itself without
// end.
constexpr const char* kInsideProbe = "LTS_INSIDE_MEMORY_PROBE";
constexpr double kGiB = 1 << 30;
constexpr double kMiB = 1 << 20;
constexpr std::size_t kMaxQuotedError = 300;

std::string FirstLine(std::string_view text) {
  return Quoted(text.substr(0, text.find('\n')), kMaxQuotedError);
}

[[noreturn]] void FailBySignal(const std::string& what, int signal) {
  if (signal == SIGKILL) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("{}: the child process was killed, most likely because memory ran out; "
                            "try a smaller architecture or workload",
                            what));
  }
  const std::string reason = fmt::format("signal {} ({})", signal, strsignal(signal));
  const bool asked = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
  throw Error(asked ? ErrorCode::kCancelled : ErrorCode::kIo,
              fmt::format("{}: the child process was ended by {}", what, reason));
}

}  // namespace

MemoryProbeResult ProbeMemory(const Architecture& architecture, const RuntimeConfig& config,
                              const Workload& workload, const MemoryProbeOptions& options) {
  const std::string what = fmt::format("memory of {}", architecture.ShortName());
  // Set before any thread starts, never written.
  if (std::getenv(kInsideProbe) != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: this process was started as a memory probe and does not know its "
                            "argument 'memory-probe'",
                            what));
  }
  ChildProcessOptions process;
  process.environment = {fmt::format("{}=1", kInsideProbe)};
  process.timeout_s = options.timeout_s;
  process.stop = options.stop;
  const ChildProcessResult child =
      RunChildProcess(options.executable.empty() ? kSelf : options.executable, {"memory-probe"},
                      WriteMemoryProbeRequest({architecture, config, workload}), process);
  switch (child.end) {
    case ChildProcessResult::End::kTimedOut:
      throw Error(ErrorCode::kCancelled, fmt::format("{}: the child process took longer than {} s",
                                                     what, options.timeout_s));
    case ChildProcessResult::End::kStopped:
      throw Error(ErrorCode::kCancelled, fmt::format("{}: stopped", what));
    case ChildProcessResult::End::kSignalled:
      FailBySignal(what, child.code);
    case ChildProcessResult::End::kExited:
      break;
  }
  try {
    const MemoryProbeResult result = ParseMemoryProbeAnswer(child.out);
    if (child.code == 0) return result;
    throw Error(ErrorCode::kIo, "an answer together with a failure");
  } catch (const Error& error) {
    // The child's own error speaks for itself; anything else is explained by what it said on
    // stderr.
    if (error.code() != ErrorCode::kIo) throw;
    throw Error(ErrorCode::kIo,
                fmt::format("{}: the child process exited with {}: {}", what, child.code,
                            child.err.empty() ? error.what() : FirstLine(child.err)));
  }
}

Measurement PeakMemoryMeasurement(const MemoryProbeResult& result) {
  Measurement measurement;
  measurement.metric = Metric::kPeakMemoryMib;
  measurement.value = static_cast<double>(result.peak_bytes) / kMiB;
  measurement.low = measurement.high = measurement.p95 = measurement.value;
  measurement.source = "child process VmHWM";
  return measurement;
}

std::int64_t EstimateMemoryNeed(const Architecture& architecture, const RuntimeConfig& config,
                                const Workload& workload) {
  const Graph graph = BuildGraph(architecture);
  const WorkloadShape shape{workload.prompt_tokens, workload.output_tokens, workload.batch};
  const WorkloadCounts counts = CountWorkload(graph, shape, DType::kFloat32, config.cache_dtype());
  std::int64_t packing = 0;
  if (config.dtype == DType::kFloat32) {
    for (const TensorSpec& tensor : graph.tensors) {
      packing = std::max(packing, CheckedMul(tensor.count(), SizeOf(DType::kFloat32)));
    }
  } else {
    packing = CountWorkload(graph, shape, config.dtype).weight_bytes;
  }
  const std::int64_t logits = CheckedMul(workload.batch, graph.vocab_size, SizeOf(DType::kFloat32));
  std::int64_t need = CheckedAdd(counts.weight_bytes, packing);
  need = CheckedAdd(need, counts.kv_cache_bytes);
  need = CheckedAdd(need, counts.peak_activation_bytes);
  return CheckedAdd(need, logits);
}

void CheckFitsInMemory(const Architecture& architecture, const RuntimeConfig& config,
                       const Workload& workload) {
  const std::int64_t need = EstimateMemoryNeed(architecture, config, workload);
  const std::int64_t available = AvailableMemoryBytes();
  if (need <= available) return;
  throw Error(ErrorCode::kOutOfMemory,
              fmt::format("model {}: needs about {:.1f} GiB to load and run, {:.1f} GiB are "
                          "available; try a smaller architecture, context or batch",
                          architecture.ShortName(), static_cast<double>(need) / kGiB,
                          static_cast<double>(available) / kGiB));
}

}  // namespace lts
