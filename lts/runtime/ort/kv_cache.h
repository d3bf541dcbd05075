// Keys and values of a context, as the two kinds of graphs want them: in one buffer that a step
// writes into, or as one that it reads and another that it writes whole.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/ort/engine.h"
#include "lts/runtime/runtime.h"

namespace lts::ort {

class KvCache {
 public:
  // Bytes of the cache that an engine with these options needs. Throws kInvalidArgument on
  // overflow.
  static std::int64_t Bytes(const std::vector<LayerCache>& layers, const SessionOptions& options,
                            bool shared);
  // As engine.options().shared_cache asks. Throws kOutOfMemory.
  static std::unique_ptr<KvCache> Make(const Engine& engine, const SessionOptions& options);

  virtual ~KvCache() = default;
  // Binds every layer's past and present for a step that takes all sequences from `length` tokens
  // in context to `new_length`. `binding` is always the same one.
  virtual void Bind(OrtIoBinding& binding, std::int64_t length, std::int64_t new_length) = 0;
  // The same for one sequence alone, with any other binding. A step that does all of them so is
  // finished once.
  virtual void BindSequence(OrtIoBinding& binding, std::int64_t sequence, std::int64_t length,
                            std::int64_t new_length) = 0;
  virtual void Finish() = 0;  // the step was successful: what it wrote is the context
  virtual void Rewind(std::int64_t length, std::int64_t new_length) = 0;
  virtual std::int64_t bytes() const = 0;
};

}  // namespace lts::ort
