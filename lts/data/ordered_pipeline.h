// Work in three steps over a stream of items, on all threads of a pool, with the items' order kept:
// what comes out is the same on any number of threads. At most 2 * threads items are in memory.
//
//   RunInOrder<Batch>(pool,
//       [&](Batch& b) { return reader.Fill(b); },   // one at a time, in order; false: no more
//       [&](Batch& b) { Encode(b); },               // in parallel
//       [&](Batch& b) { writer.Append(b); });       // one at a time, in the order of the first
//       step
//
// Where a step throws, every item before that one is still consumed, none after it, and the
// exception is rethrown: which one is met first depends on no timing.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <utility>

#include "lts/base/thread_pool.h"

namespace lts {

template <typename Item, typename Produce, typename Transform, typename Consume>
void RunInOrder(ThreadPool& pool, const Produce& produce, const Transform& transform,
                const Consume& consume) {
  struct Slot {
    Item item;
    std::exception_ptr error;
  };
  std::mutex produce_mutex;            // of `produced` and `ended`
  std::int64_t produced = 0;           // items; only the thread in the first step changes it
  bool ended = false;                  // the first step has no more
  std::mutex mutex;                    // of all below
  std::condition_variable room;        // `consumed` or `failed` has changed
  std::map<std::int64_t, Slot> ready;  // by number
  std::int64_t consumed = 0;
  bool consuming = false;
  bool failed = false;
  const std::int64_t most = 2 * std::int64_t{pool.threads()};

  // A thread takes an item through the first two steps and, where it is the next one and no one
  // else is at it, through the third; so no thread only waits for another kind of work.
  pool.Run([&](int /*index*/) {
    for (;;) {
      Slot slot{};
      std::int64_t number = 0;
      {
        const std::lock_guard producing(produce_mutex);
        if (ended) return;
        {
          std::unique_lock lock(mutex);
          room.wait(lock, [&] { return failed || produced - consumed < most; });
          if (failed) return;
        }
        try {
          if (!produce(slot.item)) ended = true;
        } catch (...) {
          slot.error = std::current_exception();
          ended = true;
        }
        if (ended && !slot.error) return;
        number = produced++;
      }
      if (!slot.error) {
        try {
          transform(slot.item);
        } catch (...) {
          slot.error = std::current_exception();
        }
      }
      std::unique_lock lock(mutex);
      ready.emplace(number, std::move(slot));
      if (consuming) continue;
      consuming = true;
      for (auto next = ready.begin(); !failed && next != ready.end() && next->first == consumed;
           next = ready.begin()) {
        Slot taken = std::move(next->second);
        ready.erase(next);
        lock.unlock();
        if (!taken.error) {
          try {
            consume(taken.item);
          } catch (...) {
            taken.error = std::current_exception();
          }
        }
        lock.lock();
        ++consumed;
        failed = taken.error != nullptr;
        room.notify_all();
        if (failed) std::rethrow_exception(taken.error);
      }
      consuming = false;
    }
  });
}

}  // namespace lts
