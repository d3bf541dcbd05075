#include "lts/measure/roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "lts/base/aligned_buffer.h"
#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/base/thread_pool.h"
#include "lts/runtime/cpu/kernels/ceiling.h"
#include "lts/runtime/cpu/kernels/matmul.h"
#include "lts/runtime/cpu/kernels/narrow.h"

namespace lts {
namespace {

constexpr std::int64_t kMib = 1 << 20;
constexpr std::array<DType, 3> kAll{DType::kFloat32, DType::kBFloat16, DType::kInt8};

// A step of the engine's prefill: 384 rows of a decoder of d_model 1024.
constexpr std::int64_t kRows = 384;
constexpr std::int64_t kWidth = 1024;

double SecondsOf(Clock& clock) { return static_cast<double>(clock.NowNs()) / 1e9; }

// The best rate (units per second) of `work`, which says how many units it did.
template <typename Work>
double BestRate(int tries, Clock& clock, const Work& work) {
  double best = 0;
  for (int i = 0; i < tries; ++i) {
    const double start = SecondsOf(clock);
    const double units = work();
    const double seconds = SecondsOf(clock) - start;
    if (seconds > 0) best = std::max(best, units / seconds);
  }
  return best;
}

double MultiplyAddRate(DType dtype, const CeilingOptions& options, const CeilingProbes& probes,
                       ThreadPool& pool, Clock& clock) {
  // How much one thread does in a try, from a first one.
  double flops = 1e6;
  for (;;) {
    const double start = SecondsOf(clock);
    probes.multiply_add(dtype, flops);
    const double seconds = SecondsOf(clock) - start;
    if (seconds >= options.seconds_per_try / 2 || flops > 1e13) break;
    flops *= 4;
  }
  std::vector<double> done(static_cast<std::size_t>(pool.threads()));
  return BestRate(options.tries, clock, [&] {
    pool.Run([&](int worker) {
      done[static_cast<std::size_t>(worker)] = probes.multiply_add(dtype, flops);
    });
    double sum = 0;
    for (const double one : done) sum += one;
    return sum;
  });
}

double ProductRate(DType dtype, const CeilingOptions& options, ThreadPool& pool, Clock& clock) {
  AlignedBuffer<float> x(kRows * kWidth);
  AlignedBuffer<float> w(kWidth * kWidth);
  AlignedBuffer<float> y(kRows * kWidth);
  FillNormalLike(x.span(), 1.0F, 1, 0);
  FillNormalLike(w.span(), 1.0F, 1, 1);
  std::function<void()> run;
  AlignedBuffer<float> packed;
  AlignedBuffer<std::uint32_t> words;
  AlignedBuffer<float> scales;
  AlignedBuffer<std::byte> scratch;
  if (dtype == DType::kFloat32) {
    packed = AlignedBuffer<float>(PackedSize(kWidth, kWidth));
    PackMatrix(w.data(), kWidth, kWidth, packed.data(), pool);
    run = [&] {
      MatMul(x.data(), kRows, kWidth, {packed.data(), kWidth, kWidth}, {}, y.data(), kWidth, pool);
    };
  } else {
    words = AlignedBuffer<std::uint32_t>(NarrowPackedWords(kWidth, kWidth, dtype));
    scales = AlignedBuffer<float>(PaddedColumns(kWidth));
    const std::int64_t bytes = NarrowScratchBytes(kRows, kWidth, dtype);
    scratch = AlignedBuffer<std::byte>(bytes * pool.threads());
    PackNarrow(w.data(), kWidth, kWidth, dtype, words.data(), scales.data(), pool);
    run = [&, bytes] {
      NarrowMatMul(x.data(), kRows, kWidth, {words.data(), scales.data(), dtype, kWidth, kWidth},
                   {0, kWidth}, {}, y.data(), kWidth, {scratch.data(), bytes}, pool);
    };
  }
  return BestRate(3 * options.tries, clock, [&] {
    run();
    return 2.0 * kRows * kWidth * kWidth;
  });
}

ReadCeiling ReadRateOf(std::int64_t bytes, const AlignedBuffer<float>& memory,
                       const CeilingOptions& options, const CeilingProbes& probes, ThreadPool& pool,
                       Clock& clock) {
  const auto count = bytes / std::int64_t{sizeof(float)};
  const auto pass = [&] {
    pool.ParallelFor(count, 1024, [&](std::int64_t begin, std::int64_t end, int) {
      probes.read(memory.data() + begin, end - begin);
    });
  };
  // Small sets many times a try. A pass begins where the one before began: of a cache that is a
  // little too small it finds as little as a decode step does.
  const auto passes = std::max<std::int64_t>(1, 16 * kMib / bytes);
  pass();
  const double rate = BestRate(options.tries, clock, [&] {
    for (std::int64_t i = 0; i < passes; ++i) pass();
    return static_cast<double>(bytes * passes);
  });
  return {bytes, rate};
}

}  // namespace

double Ceilings::ReadRate(std::int64_t bytes) const {
  LTS_CHECK(!read.empty());
  const auto after = std::find_if(read.begin(), read.end(),
                                  [bytes](const ReadCeiling& r) { return r.bytes >= bytes; });
  if (after == read.end()) return read.back().bytes_per_s;
  if (after == read.begin()) return after->bytes_per_s;
  const ReadCeiling& low = *(after - 1);
  const double share = std::log(static_cast<double>(bytes) / static_cast<double>(low.bytes)) /
                       std::log(static_cast<double>(after->bytes) / static_cast<double>(low.bytes));
  return low.bytes_per_s + share * (after->bytes_per_s - low.bytes_per_s);
}

LatencyBound BoundOf(const WorkloadCounts& counts, DType dtype, const Ceilings& ceilings) {
  LatencyBound bound;
  bound.ttft_ms = 1e3 * static_cast<double>(counts.least_prefill_flops) / ceilings.flops(dtype);
  if (counts.decode_bytes > 0) {
    bound.tpot_ms =
        1e3 * static_cast<double>(counts.decode_bytes) / ceilings.ReadRate(counts.decode_bytes);
  }
  return bound;
}

CeilingProbes KernelProbes() {
  return {MultiplyAddRounds, [](const float* values, std::int64_t count) {
            volatile float sum = ReadAll(values, count);
            static_cast<void>(sum);
          }};
}

Ceilings MeasureCeilings(const CeilingOptions& options, const CeilingProbes& probes, Clock& clock) {
  if (options.tries < 1 || options.seconds_per_try <= 0 || options.read_mib.empty()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("ceilings: got {} tries of {} s and {} working sets, expected at least 1, "
                    "more than 0 and at least 1",
                    options.tries, options.seconds_per_try, options.read_mib.size()));
  }
  ThreadPool pool(options.threads);
  Ceilings ceilings;
  ceilings.threads = options.threads;
  for (const DType dtype : kAll) {
    const auto i = static_cast<std::size_t>(dtype);
    ceilings.flops_per_s[i] = MultiplyAddRate(dtype, options, probes, pool, clock);
    if (options.products) ceilings.product_per_s[i] = ProductRate(dtype, options, pool, clock);
  }
  std::vector<std::int64_t> sizes = options.read_mib;
  std::sort(sizes.begin(), sizes.end());
  const std::int64_t most = std::max(AvailableMemoryBytes() / 4, sizes.front() * kMib);
  while (sizes.back() * kMib > most) sizes.pop_back();
  AlignedBuffer<float> memory(sizes.back() * kMib / std::int64_t{sizeof(float)});
  pool.ParallelFor(memory.size(), 1024, [&](std::int64_t begin, std::int64_t end, int) {
    std::fill(memory.data() + begin, memory.data() + end, 1.0F);
  });
  for (const std::int64_t mib : sizes) {
    ceilings.read.push_back(ReadRateOf(mib * kMib, memory, options, probes, pool, clock));
  }
  return ceilings;
}

}  // namespace lts
