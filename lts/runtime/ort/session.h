// A context in ONNX Runtime: its cache, and the inputs and outputs of a step.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>

#include "lts/base/aligned_buffer.h"
#include "lts/runtime/ort/engine.h"
#include "lts/runtime/ort/kv_cache.h"
#include "lts/runtime/runtime.h"

namespace lts::ort {

// Refuses a session that cannot fit, by count: cache, logits, and an estimate of the library's own
// buffers in a step of max_step_tokens. `options` are checked, `variant` can run the graph. Throws
// kOutOfMemory, kInvalidArgument on overflow.
void CheckSessionMemory(const Graph& graph, const OnnxOptions& variant,
                        const SessionOptions& options);

class Context final : public Session {
 public:
  // `engine` has all_logits where `options` have. Throws as LoadedModel::NewSession.
  Context(std::shared_ptr<const Engine> engine, const SessionOptions& options);

  void Step(std::span<const std::int32_t> tokens, Logits which, std::span<float> logits) override;
  void Prepare(std::int64_t n) override;
  std::int64_t length() const override { return length_; }
  void Rewind(std::int64_t length) override;
  MemoryAccount memory() const override;

 private:
  void RunAll(std::int64_t n, float* logits);
  void RunOneByOne(std::int64_t n, float* logits);
  void BindInput(OrtIoBinding& binding, const char* name, const OrtValue& value) const;
  void BindLogits(OrtIoBinding& binding, const OrtValue& value) const;
  void BindContext(OrtIoBinding& binding, std::int64_t batch) const;
  const OrtValue& Ids(std::int64_t n);
  Owned<OrtValue> NewIds(std::int64_t first, std::int64_t batch, std::int64_t n) const;
  Owned<OrtValue> NewLogits(const float* logits, std::int64_t batch, std::int64_t n) const;
  // Positions of each sequence that the library gives logits of, in a step of n tokens.
  std::int64_t OutputRows(std::int64_t n) const { return options_.all_logits ? n : 1; }

  // In this order: the binding goes before the session that it belongs to and the memory that it
  // views.
  std::shared_ptr<const Engine> engine_;
  SessionOptions options_;
  std::unique_ptr<KvCache> cache_;
  AlignedBuffer<std::int64_t> ids_;      // [batch, n] of the step
  AlignedBuffer<std::int32_t> lengths_;  // after the step: [batch], each less one, and the total
  AlignedBuffer<float> all_logits_;      // [batch, max_step_tokens, V] where asked for
  std::map<std::int64_t, Owned<OrtValue>> ids_values_;  // views of ids_ by n
  Owned<OrtIoBinding> binding_;                         // of a step of all sequences
  const OrtValue* bound_ids_ = nullptr;
  const float* bound_logits_ = nullptr;
  std::int64_t bound_rows_ = 0;
  std::int64_t length_ = 0;
};

}  // namespace lts::ort
