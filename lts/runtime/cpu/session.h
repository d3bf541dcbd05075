// A context on the CPU: key/value cache, workspace, and the execution of a plan.
//
// A long step runs in chunks of at most kChunkRows rows (tokens of all sequences) through all
// layers, so the workspace does not grow with the prompt and hidden values stay in L2. When only
// the last position's logits are wanted, the rest stops at the last layer's keys and values, and a
// single row per sequence goes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lts/base/aligned_buffer.h"
#include "lts/base/thread_pool.h"
#include "lts/runtime/cpu/head_cache.h"
#include "lts/runtime/cpu/kernels/rotary.h"
#include "lts/runtime/cpu/plan.h"
#include "lts/runtime/cpu/weights.h"
#include "lts/runtime/runtime.h"

namespace lts::cpu {

// 384 rows: two threads get 192 each, a whole pass of the matrix product (kernels/matmul.cc), and
// reading the weights again for the next chunk costs 1 byte per 192 FLOPs.
inline constexpr std::int64_t kChunkRows = 384;
// With narrow weights the matrix unit is ten times as fast, and each thread holds 256 rows at once
// (kernels/narrow_matmul.cc).
inline constexpr std::int64_t kNarrowChunkRows = 512;

// A table of cosines and sines (kernels/rotary.h), [max_tokens, dims], which all layers with these
// dimensions and this base share.
struct RotaryPlace {
  std::int64_t dims = 0;
  float base = 1.0F;
  std::int64_t begin = 0;  // among the tables, in floats
};

// What a session allocates, in floats unless it says bytes.
struct SessionLayout {
  std::int64_t chunk_tokens = 0;  // per sequence
  std::int64_t slot = 0;  // one hidden value: [batch * chunk_tokens, d_model], or rounded rows
  std::int64_t scratch =
      0;  // inside a block: queries, keys, values and attended heads; inner values
  std::int64_t worker_bytes = 0;  // of narrow products and attention, per worker
  // Where each layer's cache begins, in words of 4 bytes; one more: the size of all.
  std::vector<std::int64_t> layer_cache;
  std::vector<RotaryPlace> rotary_tables;  // one for each dimensions and base that layers have
  std::int64_t rotary = 0;                 // all tables
};
// Throws kInvalidArgument when a size overflows.
SessionLayout MakeSessionLayout(const Weights& weights, DType kv_dtype,
                                const SessionOptions& options);

class CpuSession final : public Session {
 public:
  // `weights` satisfies CpuSupports. Throws as LoadedModel::NewSession.
  CpuSession(std::shared_ptr<const Weights> weights, std::shared_ptr<ThreadPool> pool,
             DType kv_dtype, const SessionOptions& options);

  void Step(std::span<const std::int32_t> tokens, Logits which, std::span<float> logits) override;
  void Prepare(std::int64_t n) override;
  std::int64_t length() const override { return length_; }
  void Rewind(std::int64_t length) override;
  MemoryAccount memory() const override;

 private:
  // Tokens [first, first + n) of each sequence of a step: what is now in the slots, [batch, n,
  // d_model].
  struct Chunk {
    std::span<const std::int32_t> tokens;  // of the step, [batch, step_tokens]
    std::int64_t step_tokens = 0;
    std::int64_t first = 0;
    std::int64_t n = 0;
    std::int64_t position = 0;  // in the context, of token `first`
    Logits which = Logits::kLast;
    bool last = false;  // of its step
    std::span<float> logits;
  };

  void RunChunk(Chunk chunk);
  // y = x W by the weights' dtype: columns `range` of the product.
  void Multiply(const ProductInput& x, std::int64_t m, TensorId weight, ColumnRange range,
                const Epilogue& epilogue, const ProductOutput& y);
  // Whether values that only products read are kept rounded in this chunk (kernels/narrow.h).
  bool Rounds(const Chunk& chunk) const;
  ProductInput BlockInput(const PlanStep& step, const Chunk& chunk);
  // Each returns nothing or, for attention, whether the chunk has more to do.
  void Embed(const EmbedOp& op, const PlanStep& step, const Chunk& chunk);
  void Norm(const NormOp& op, const PlanStep& step, const Chunk& chunk);
  bool Attention(const AttentionOp& op, const PlanStep& step, Chunk& chunk);
  void FeedForward(const FeedForwardOp& op, const PlanStep& step, const Chunk& chunk);
  void Add(const PlanStep& step, const Chunk& chunk);
  void Head(const HeadOp& op, const PlanStep& step, Chunk& chunk);

  // Rotary positions are applied in place, to keys by StoreCache and to queries by AttendHead: by
  // the thread that reads them next, without a pass or a barrier of their own.
  void StoreCache(const AttentionOp& op, const Chunk& chunk, float* qkv, std::int64_t stride);
  void AttendOneToken(const AttentionOp& op, const Chunk& chunk, float* qkv, std::int64_t stride,
                      float* heads);
  void AttendManyTokens(const AttentionOp& op, const Chunk& chunk, float* qkv, std::int64_t stride,
                        float* heads);
  // Moves the last token of each sequence to the front of every slot: from here on a chunk of one
  // token.
  void KeepLastTokens(Chunk& chunk);

  std::int64_t rows(const Chunk& chunk) const { return options_.batch * chunk.n; }
  float* Slot(std::int32_t slot);
  HeadCache CacheOf(const AttentionOp& op, std::int64_t sequence, std::int64_t kv_head);
  // Attention of query rows of one head. `task` lacks queries, keys, values and d_head; q: the
  // queries, read by no other task.
  void AttendHead(const AttentionOp& op, std::int64_t sequence, std::int64_t kv_head, float* q,
                  const AttendTask& task, int worker);
  // Nothing where the block has no rotary positions.
  void Rotate(const AttentionOp& op, const RotaryTask& task) const;
  bool narrow() const { return weights_->dtype() != DType::kFloat32; }

  std::shared_ptr<const Weights> weights_;
  std::shared_ptr<ThreadPool> pool_;
  DType kv_dtype_;
  SessionOptions options_;
  Plan plan_;
  SessionLayout layout_;
  AlignedBuffer<std::byte> cache_;  // [n_layer, batch, n_kv_head] of HeadCache
  AlignedBuffer<float> slots_;      // [slots, batch * chunk_tokens, d_model]
  AlignedBuffer<float> scratch_;
  AlignedBuffer<float> rotary_;  // the tables of layout_.rotary_tables
  // [threads, layout_.worker_bytes]: of products, and of attention, which never run at once.
  AlignedBuffer<std::byte> worker_scratch_;
  std::int64_t length_ = 0;
};

}  // namespace lts::cpu
