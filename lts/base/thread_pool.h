// The one thread pool of a runtime. `threads` workers in all, the caller being one of them, so a
// pool of 1 starts no thread. Everything that a runtime does in parallel goes through its pool;
// libraries with pools of their own are called single-threaded inside a task, so that no two pools
// spin against each other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace lts {

class ThreadPool {
 public:
  // threads in [1, 1024] (kInvalidArgument otherwise). Workers spin for `spin_us` after a task and
  // then sleep: a decode step runs tens of tasks within a few hundred microseconds, and waking a
  // sleeper costs 5-50 us.
  explicit ThreadPool(int threads, int spin_us = 200);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Calls task(index) once for every index in [0, threads()), each on some thread of the pool or
  // the calling one, and returns when all have ended. One caller at a time; a task must not call
  // Run of the same pool (LTS_CHECK). The first exception is rethrown here. About 1 us while the
  // workers spin. Allocates nothing.
  template <typename Task>
  void Run(const Task& task) {
    RunErased([](const void* context, std::int64_t chunk,
                 int /*worker*/) { (*static_cast<const Task*>(context))(static_cast<int>(chunk)); },
              &task, threads());
  }

  // Splits [0, count) into contiguous ranges whose bounds are multiples of `grain` and calls
  // body(begin, end, worker) for each, `worker` being the thread that it runs on: one call of a
  // worker at a time. The ranges depend on count, grain and threads() alone; who takes them does
  // not: each thread has its own, so that a cache finds what it held the last time, and takes from
  // the others when it is through. A thread that another process keeps from its core holds up one
  // range and not its share of the work.
  template <typename Body>
  void ParallelFor(std::int64_t count, std::int64_t grain, const Body& body) {
    if (count <= 0) return;
    const std::int64_t blocks = (count + grain - 1) / grain;
    if (threads() == 1 || blocks == 1) {
      body(std::int64_t{0}, count, 0);
      return;
    }
    const std::int64_t chunks =
        blocks < kRangesPerThread * threads() ? blocks : kRangesPerThread * threads();
    const auto task = [&](std::int64_t chunk, int worker) {
      const std::int64_t begin = blocks * chunk / chunks * grain;
      const std::int64_t end = blocks * (chunk + 1) / chunks * grain;
      body(begin, end < count ? end : count, worker);
    };
    RunErased([](const void* context, std::int64_t chunk,
                 int worker) { (*static_cast<const decltype(task)*>(context))(chunk, worker); },
              &task, chunks);
  }

 private:
  static constexpr std::int64_t kRangesPerThread = 2;
  using Erased = void (*)(const void* context, std::int64_t chunk, int worker);
  // chunks: 1 to kRangesPerThread * threads().
  void RunErased(Erased task, const void* context, std::int64_t chunks);

  struct State;
  std::unique_ptr<State> state_;
};

// Cores that this process may run on (affinity mask, cgroup quota rounded up), at least 1.
int UsableCores();

}  // namespace lts
