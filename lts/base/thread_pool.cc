#include "lts/base/thread_pool.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "lts/base/cgroup.h"
#include "lts/base/error.h"

namespace lts {
namespace {

constexpr int kMaxThreads = 1024;

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Returns once `value` is no longer `old`: looks for `spin` first, then sleeps in the kernel.
void WaitWhileEqual(const std::atomic<std::uint32_t>& value, std::uint32_t old,
                    std::chrono::microseconds spin) {
  if (spin.count() > 0) {
    const auto end = std::chrono::steady_clock::now() + spin;
    do {
      for (int i = 0; i < 32; ++i) {  // about 1 us between looks at the clock
        if (value.load(std::memory_order_acquire) != old) return;
        Pause();
      }
    } while (std::chrono::steady_clock::now() < end);
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

// A run has a generation. The caller writes task, context and chunks, then gives every worker its
// chunks: a queue of (generation, end, next) in one word, then makes the generation known. A thread
// takes a chunk by raising `next` with a compare-and-swap, from its own queue first and then from
// the others'. A late thread finds another generation or an empty queue and takes nothing, so
// nobody waits for it; one that took a chunk keeps its run from ending, so what the caller wrote is
// there. The run ends when `done` has counted all chunks.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): it keeps cache lines apart, see below
struct ThreadPool::State {
  State(int thread_count, int spin_us)
      : threads(thread_count), queues(static_cast<std::size_t>(thread_count)) {
    // With more threads than cores a spinning thread keeps a working one from its core.
    spin = std::chrono::microseconds(thread_count > UsableCores() ? 0 : std::max(0, spin_us));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    stop.store(true, std::memory_order_relaxed);
    generation.fetch_add(1);
    generation.notify_all();
    for (std::thread& worker : workers) worker.join();
  }

  void Start() {
    workers.reserve(static_cast<std::size_t>(threads - 1));
    for (int i = 1; i < threads; ++i) workers.emplace_back([this, i] { Work(i); });
  }

  void Work(int worker) {
    for (std::uint32_t seen = 0;;) {
      WaitWhileEqual(generation, seen, spin);
      seen = generation.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_relaxed)) return;
      TakePart(worker, seen);
    }
  }

  static constexpr int kGenerationShift = 32;
  static constexpr int kEndShift = 16;  // both counters of a queue are below kRangesPerThread + 1

  void Fill(std::uint32_t run) {
    for (int i = 0; i < threads; ++i) {
      const auto end = static_cast<std::uint64_t>(FirstChunk(i + 1) - FirstChunk(i));
      queues[static_cast<std::size_t>(i)].word.store(
          std::uint64_t{run} << kGenerationShift | end << kEndShift, std::memory_order_release);
    }
  }

  // Does what it can get of this run.
  void TakePart(int worker, std::uint32_t run) {
    for (int i = 0; i < threads; ++i) {
      const int owner = (worker + i) % threads;
      std::atomic<std::uint64_t>& word = queues[static_cast<std::size_t>(owner)].word;
      std::uint64_t now = word.load(std::memory_order_acquire);
      for (;;) {
        const std::uint64_t next = now & 0xFFFF;
        if (now >> kGenerationShift != run || next >= (now >> kEndShift & 0xFFFF)) break;
        if (!word.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
          continue;
        }
        Call(FirstChunk(owner) + static_cast<std::int64_t>(next), worker);
        now = word.load(std::memory_order_acquire);
      }
    }
  }

  std::int64_t FirstChunk(int worker) const { return chunks * worker / threads; }

  void Call(std::int64_t chunk, int worker) {
    try {
      task(context, chunk, worker);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
    const auto all = static_cast<std::uint32_t>(chunks);  // before the run may end
    if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == all) done.notify_one();
  }

  const int threads;
  std::chrono::microseconds spin{};
  Erased task = nullptr;
  const void* context = nullptr;
  std::int64_t chunks = 0;
  std::atomic<bool> stop{false};
  std::atomic<bool> running{false};
  std::mutex failure_mutex;
  std::exception_ptr failure;
  // Apart, so that threads which take chunks do not slow those that look for the next generation.
  alignas(64) std::atomic<std::uint32_t> generation{0};
  alignas(64) std::atomic<std::uint32_t> done{0};
  struct alignas(64) Queue {
    std::atomic<std::uint64_t> word{0};
  };
  std::vector<Queue> queues;
  std::vector<std::thread> workers;
};

ThreadPool::ThreadPool(int threads, int spin_us) {
  if (threads < 1 || threads > kMaxThreads) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("threads: got {}, expected 1 to {}", threads, kMaxThreads));
  }
  state_ = std::make_unique<State>(threads, spin_us);
  try {
    state_->Start();
  } catch (const std::system_error& e) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("cannot start {} threads: {}", threads, e.code().message()));
  }
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const { return state_->threads; }

void ThreadPool::RunErased(Erased task, const void* context, std::int64_t chunks) {
  State& state = *state_;
  if (state.threads == 1) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) task(context, chunk, 0);
    return;
  }
  const bool nested = state.running.exchange(true, std::memory_order_relaxed);
  LTS_CHECK(!nested);
  state.task = task;
  state.context = context;
  state.chunks = chunks;
  state.done.store(0, std::memory_order_relaxed);
  const std::uint32_t run = state.generation.load(std::memory_order_relaxed) + 1;
  state.Fill(run);
  state.generation.store(run);
  state.generation.notify_all();
  state.TakePart(0, run);
  const auto all = static_cast<std::uint32_t>(chunks);
  for (std::uint32_t done; (done = state.done.load(std::memory_order_acquire)) != all;) {
    WaitWhileEqual(state.done, done, state.spin);
  }
  const std::exception_ptr failure = std::exchange(state.failure, nullptr);
  state.running.store(false, std::memory_order_relaxed);
  if (failure) std::rethrow_exception(failure);
}

int UsableCores() {
  int cores = 0;
  // The kernel refuses a mask smaller than its own: grow until it fits.
  for (int capacity = 1024; capacity <= 1 << 20 && cores == 0; capacity *= 4) {
    cpu_set_t* const set = CPU_ALLOC(capacity);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
    if (::sched_getaffinity(0, bytes, set) == 0) cores = CPU_COUNT_S(bytes, set);
    CPU_FREE(set);
  }
  if (cores == 0) cores = static_cast<int>(std::thread::hardware_concurrency());
  if (const auto cpus = ReadCgroupLimits().cpus; cpus && *cpus < cores) {
    cores = static_cast<int>(std::ceil(*cpus));
  }
  return std::max(1, cores);
}

}  // namespace lts
