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

  // Calls task(worker) once for every worker in [0, threads()), worker 0 on the calling thread, and
  // returns when all have ended. One caller at a time; a task must not call Run of the same pool
  // (LTS_CHECK). The first exception is rethrown here. About 1 us while the workers spin. Allocates
  // nothing.
  template <typename Task>
  void Run(const Task& task) {
    RunErased([](const void* context, int worker) { (*static_cast<const Task*>(context))(worker); },
              &task);
  }

  // Splits [0, count) into at most threads() contiguous ranges whose bounds are multiples of
  // `grain` and calls body(begin, end, worker) for each non-empty one. The split depends on count,
  // grain and threads() alone.
  template <typename Body>
  void ParallelFor(std::int64_t count, std::int64_t grain, const Body& body) {
    if (count <= 0) return;
    const std::int64_t blocks = (count + grain - 1) / grain;
    const std::int64_t workers = threads();
    if (workers == 1 || blocks == 1) {
      body(std::int64_t{0}, count, 0);
      return;
    }
    Run([&](int worker) {
      const std::int64_t begin = blocks * worker / workers * grain;
      const std::int64_t end = blocks * (worker + 1) / workers * grain;
      if (begin < end) body(begin, end < count ? end : count, worker);
    });
  }

 private:
  using Erased = void (*)(const void* context, int worker);
  void RunErased(Erased task, const void* context);

  struct State;
  std::unique_ptr<State> state_;
};

// Cores that this process may run on (affinity mask, cgroup quota rounded up), at least 1.
int UsableCores();

}  // namespace lts
