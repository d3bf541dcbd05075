// The child's side of the memory probe (memory.h).
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <fstream>
#include <istream>
#include <iterator>
#include <new>
#include <ostream>
#include <string>
#include <utility>

#include "lts/base/checked.h"
#include "lts/base/clock.h"
#include "lts/measure/memory.h"
#include "lts/measure/memory_protocol.h"
#include "lts/measure/runtime_config.h"
#include "lts/measure/subject.h"
#include "lts/runtime/registry/registry.h"

namespace lts {
namespace {

constexpr std::uint64_t kWeightSeed = 1;
constexpr std::size_t kMaxRequestBytes = std::size_t{1} << 20;

// Blocks of this size and more are mapped by malloc one by one and returned to the system when
// freed. glibc raises the threshold as it goes, which would make the peak depend on the order of
// earlier frees; setting it switches that off.
constexpr int kMmapThreshold = 128 * 1024;

// Makes the peak repeatable and keeps the probe's failure to the probe. Each is a wish: where the
// system refuses, the result is only noisier.
void PrepareProcess() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed search leaves no probe behind
  std::ofstream("/proc/self/oom_score_adj")
      << 1000;  // when memory runs out, the probe goes and not the search
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, kMmapThreshold);
  mallopt(M_TRIM_THRESHOLD, kMmapThreshold);
}

// A field of /proc/self/status in bytes, "VmHWM" say.
std::int64_t StatusBytes(std::string_view field) {
  std::ifstream status("/proc/self/status");
  std::string name;
  while (status >> name) {
    if (name.size() == field.size() + 1 && name.starts_with(field)) {
      std::int64_t kib = 0;
      if (status >> kib && kib >= 0) return kib * 1024;
      break;
    }
    std::getline(status, name);
  }
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format("/proc/self/status: no field '{}'; peak memory needs Linux's /proc", field));
}

// Resident bytes now. Also makes now the new start of VmHWM where the system allows it (since
// Linux 4.0).
std::int64_t RestartPeak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
  return StatusBytes("VmRSS");
}

MemoryProbeResult Probe(const MemoryProbeRequest& request) {
  CheckFitsInMemory(request.architecture, request.config, request.workload);
  const std::unique_ptr<Runtime> runtime =
      CreateRuntime(request.config.runtime, OptionsOf(request.config));

  MemoryProbeResult result;
  result.baseline_bytes = RestartPeak();
  const auto above_baseline = [&result](std::int64_t bytes) {
    return std::max<std::int64_t>(bytes - result.baseline_bytes, 0);
  };
  std::shared_ptr<LoadedModel> model =
      runtime->LoadRandom(request.architecture, kWeightSeed, Purpose::kMemory);
  result.load_peak_bytes = above_baseline(StatusBytes("VmHWM"));
  RestartPeak();
  ModelSubject subject(std::move(model), request.workload);
  SystemClock clock;
  subject.Run(clock);
  result.running_peak_bytes = above_baseline(StatusBytes("VmHWM"));
  result.peak_bytes = std::max(result.load_peak_bytes, result.running_peak_bytes);
  result.account = subject.memory();
  return result;
}

std::string ReadRequest(std::istream& in) {
  std::string text;
  char c = 0;
  while (text.size() <= kMaxRequestBytes && in.get(c)) text += c;
  return text;  // a longer one is refused by the parser's own limit
}

}  // namespace

std::int64_t ProcessPeakBytes() { return StatusBytes("VmHWM"); }

int RunMemoryProbeChild(std::istream& in, std::ostream& out, std::ostream& err) {
  const auto fail = [&](const Error& error) {
    out << WriteMemoryProbeError(error) << '\n' << std::flush;
    err << error.what() << '\n' << std::flush;
    return 1;
  };
  try {
    const MemoryProbeRequest request = ParseMemoryProbeRequest(ReadRequest(in));
    PrepareProcess();
    out << WriteMemoryProbeAnswer(Probe(request)) << '\n' << std::flush;
    return out ? 0 : 1;
  } catch (const Error& error) {
    return fail(error);
  } catch (const std::bad_alloc&) {
    return fail(Error(ErrorCode::kOutOfMemory, "memory probe: an allocation failed"));
  } catch (const std::exception& error) {
    return fail(Error(ErrorCode::kIo, fmt::format("memory probe: {}", error.what())));
  }
}

}  // namespace lts
