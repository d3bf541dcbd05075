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

// A run: the caller writes task_ and context_, sets pending_ and bumps generation_ (release); each
// worker sees the new generation (acquire), works and takes one off pending_ (release); the caller
// sees 0 (acquire).
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): it keeps cache lines apart, see below
struct ThreadPool::State {
  State(int thread_count, int spin_us) : threads(thread_count) {
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
      ++seen;  // the next run starts only after this worker's part of the last one
      if (stop.load(std::memory_order_relaxed)) return;
      Call(worker);
      if (pending.fetch_sub(1) == 1) pending.notify_one();
    }
  }

  void Call(int worker) {
    try {
      task(context, worker);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  }

  const int threads;
  std::chrono::microseconds spin{};
  Erased task = nullptr;
  const void* context = nullptr;
  std::atomic<bool> stop{false};
  std::atomic<bool> running{false};
  std::mutex failure_mutex;
  std::exception_ptr failure;
  // Apart, so that workers which end do not slow those that still look for the next generation.
  alignas(64) std::atomic<std::uint32_t> generation{0};
  alignas(64) std::atomic<std::uint32_t> pending{0};
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

void ThreadPool::RunErased(Erased task, const void* context) {
  State& state = *state_;
  if (state.threads == 1) {
    task(context, 0);
    return;
  }
  const bool nested = state.running.exchange(true, std::memory_order_relaxed);
  LTS_CHECK(!nested);
  state.task = task;
  state.context = context;
  state.pending.store(static_cast<std::uint32_t>(state.threads - 1), std::memory_order_relaxed);
  state.generation.fetch_add(1);
  state.generation.notify_all();
  state.Call(0);
  for (std::uint32_t left; (left = state.pending.load(std::memory_order_acquire)) != 0;) {
    WaitWhileEqual(state.pending, left, state.spin);
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
