#include "lts/runtime/cpu/session.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>
#include <variant>

#include "lts/base/checked.h"
#include "lts/runtime/cpu/kernels/elementwise.h"
#include "lts/runtime/cpu/kernels/norm.h"

namespace lts::cpu {
namespace {

constexpr std::int64_t kFloatBytes = sizeof(float);
constexpr std::int64_t kLineFloats = 64 / kFloatBytes;

std::int64_t RoundUp(std::int64_t n, std::int64_t to) { return CheckedAdd(n, to - 1) / to * to; }

std::int64_t QkvWidth(const AttentionOp& op) { return (op.n_head + 2 * op.n_kv_head) * op.d_head; }

bool IsRotary(const AttentionOp& op) {
  return op.positions == PositionScheme::kRotaryHalves ||
         op.positions == PositionScheme::kRotaryInterleaved;
}

std::uint16_t* AsRounded(float* p) { return reinterpret_cast<std::uint16_t*>(p); }
// Room for rows of bfloat16 in a buffer of floats.
std::int64_t RoundedFloats(std::int64_t rows, std::int64_t depth) {
  return RoundUp(RoundedSize(rows, depth) * SizeOf(DType::kBFloat16) / kFloatBytes, kLineFloats);
}

// The table of a block's positions; null where there is none.
const RotaryPlace* FindRotary(const SessionLayout& layout, const AttentionOp& op) {
  for (const RotaryPlace& place : layout.rotary_tables) {
    if (place.dims == op.rotary_dims && place.base == op.rotary_base) return &place;
  }
  return nullptr;
}

}  // namespace

SessionLayout MakeSessionLayout(const Weights& weights, DType kv_dtype,
                                const SessionOptions& options) {
  const Graph& graph = weights.graph();
  const bool narrow = weights.dtype() != DType::kFloat32;
  const std::int64_t chunk_rows = narrow ? kNarrowChunkRows : kChunkRows;
  SessionLayout layout;
  layout.chunk_tokens =
      std::min(options.max_step_tokens, std::max<std::int64_t>(1, chunk_rows / options.batch));
  const std::int64_t rows = CheckedMul(options.batch, layout.chunk_tokens);
  layout.slot = RoundUp(CheckedMul(rows, graph.d_model), kLineFloats);
  const bool rounds = UsesRoundedRows(weights.dtype(), rows);
  if (rounds) layout.slot = std::max(layout.slot, RoundedFloats(rows, graph.d_model));
  if (narrow)
    layout.worker_bytes = NarrowScratchBytes(rows, weights.widest_input(), weights.dtype());
  layout.layer_cache.push_back(0);
  for (const Op& op : graph.ops) {
    if (const auto* attention = std::get_if<AttentionOp>(&op.attributes)) {
      const std::int64_t width = QkvWidth(*attention) + attention->n_head * attention->d_head;
      layout.scratch = std::max(layout.scratch, CheckedAdd(CheckedMul(rows, width), kLineFloats));
      layout.worker_bytes =
          std::max(layout.worker_bytes, AttendTokensScratchBytes(kv_dtype, attention->d_head));
      // max_seq_len and d_model are limited so that a head's words do not overflow
      // (arch/architecture.h).
      layout.layer_cache.push_back(
          CheckedAdd(layout.layer_cache.back(),
                     CheckedMul(options.batch, attention->n_kv_head,
                                HeadCacheWords(kv_dtype, options.max_tokens, attention->d_head))));
      if (IsRotary(*attention) && FindRotary(layout, *attention) == nullptr) {
        layout.rotary_tables.push_back(
            {attention->rotary_dims, attention->rotary_base, layout.rotary});
        layout.rotary =
            CheckedAdd(layout.rotary, CheckedMul(options.max_tokens, attention->rotary_dims));
      }
    } else if (const auto* feed_forward = std::get_if<FeedForwardOp>(&op.attributes)) {
      std::int64_t inner = CheckedMul(rows, feed_forward->d_inner);
      if (rounds) {
        const std::int64_t rounded = RoundedFloats(rows, feed_forward->d_inner);
        inner = feed_forward->gate_weight == kNoTensor
                    ? std::max(inner, rounded)
                    : CheckedAdd(RoundUp(inner, kLineFloats), rounded);
      }
      layout.scratch = std::max(layout.scratch, inner);
    }
  }
  return layout;
}

CpuSession::CpuSession(std::shared_ptr<const Weights> weights, std::shared_ptr<ThreadPool> pool,
                       DType kv_dtype, const SessionOptions& options)
    : weights_(std::move(weights)),
      pool_(std::move(pool)),
      kv_dtype_(kv_dtype),
      options_(options),
      plan_(MakePlan(weights_->graph())) {
  CheckSessionOptions(options, weights_->graph());
  layout_ = MakeSessionLayout(*weights_, kv_dtype_, options);
  const std::int64_t cache = layout_.layer_cache.back();
  const std::int64_t slots = CheckedMul(plan_.slots, layout_.slot);
  const std::int64_t workers = CheckedMul(pool_->threads(), layout_.worker_bytes);
  const std::int64_t floats =
      CheckedAdd(CheckedAdd(cache, slots), CheckedAdd(layout_.rotary, layout_.scratch));
  CheckMemory(CheckedAdd(CheckedMul(floats, kFloatBytes), workers),
              "cpu session (KV cache and workspace)");
  cache_ = AlignedBuffer<std::byte>(CheckedMul(cache, kFloatBytes));
  slots_ = AlignedBuffer<float>(slots);
  scratch_ = AlignedBuffer<float>(layout_.scratch);
  worker_scratch_ = AlignedBuffer<std::byte>(workers);
  rotary_ = AlignedBuffer<float>(layout_.rotary);
  for (const RotaryPlace& place : layout_.rotary_tables) {
    FillRotaryTable(options.max_tokens, place.dims, static_cast<double>(place.base),
                    rotary_.data() + place.begin, *pool_);
  }
}

void CpuSession::Step(std::span<const std::int32_t> tokens, Logits which, std::span<float> logits) {
  const std::int64_t n =
      CheckStep(options_, weights_->graph(), length_, tokens, which, logits.size());
  const std::int64_t chunks = (n + layout_.chunk_tokens - 1) / layout_.chunk_tokens;
  for (std::int64_t i = 0; i < chunks; ++i) {
    const std::int64_t first = n * i / chunks;
    const std::int64_t end = n * (i + 1) / chunks;
    RunChunk({tokens, n, first, end - first, length_ + first, which, end == n, logits});
  }
  length_ += n;
}

void CpuSession::Prepare(std::int64_t n) {
  // Nothing depends on n: every buffer has the size of the longest step, and kernels are compiled
  // ahead of time.
  LTS_CHECK(n >= 0);
}

void CpuSession::Rewind(std::int64_t length) {
  CheckRewind(length, length_);
  length_ = length;  // what lies after it in the cache is masked until it is overwritten
}

MemoryAccount CpuSession::memory() const {
  return {
      .weights = weights_->bytes(),
      .kv_cache = cache_.bytes(),
      .workspace = slots_.bytes() + scratch_.bytes() + worker_scratch_.bytes() + rotary_.bytes()};
}

void CpuSession::Multiply(const ProductInput& x, std::int64_t m, TensorId weight, ColumnRange range,
                          const Epilogue& epilogue, const ProductOutput& y) {
  if (weights_->dtype() == DType::kFloat32) {
    MatMul(x.values, m, x.stride, weights_->Matrix(weight), range, epilogue, y.values, y.stride,
           *pool_);
  } else {
    NarrowMatMul(x, m, weights_->Narrow(weight), range, epilogue, y,
                 {worker_scratch_.data(), layout_.worker_bytes}, *pool_);
  }
}

bool CpuSession::Rounds(const Chunk& chunk) const {
  return UsesRoundedRows(weights_->dtype(), rows(chunk));
}

ProductInput CpuSession::BlockInput(const PlanStep& step, const Chunk& chunk) {
  const std::int64_t d = weights_->graph().d_model;
  if (step.feeds_products && Rounds(chunk))
    return {.rounded = AsRounded(Slot(step.input)), .stride = RoundedStride(d)};
  return {.values = Slot(step.input), .stride = d};
}

void CpuSession::RunChunk(Chunk chunk) {
  for (const PlanStep& step : plan_.steps) {
    if (const auto* embed = std::get_if<EmbedOp>(&step.op->attributes)) {
      Embed(*embed, step, chunk);
    } else if (const auto* norm = std::get_if<NormOp>(&step.op->attributes)) {
      Norm(*norm, step, chunk);
    } else if (const auto* attention = std::get_if<AttentionOp>(&step.op->attributes)) {
      if (!Attention(*attention, step, chunk)) return;
    } else if (const auto* feed_forward = std::get_if<FeedForwardOp>(&step.op->attributes)) {
      FeedForward(*feed_forward, step, chunk);
    } else if (const auto* head = std::get_if<HeadOp>(&step.op->attributes)) {
      Head(*head, step, chunk);
    } else {
      Add(step, chunk);
    }
  }
}

void CpuSession::Embed(const EmbedOp& op, const PlanStep& step, const Chunk& chunk) {
  const std::int64_t d = weights_->graph().d_model;
  const TensorId table = op.clusters.front().table;
  const float* positions = weights_->Tensor(op.positions);
  float* out = Slot(step.output);
  pool_->ParallelFor(rows(chunk), 6, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t token = row % chunk.n;
      const std::int32_t id = chunk.tokens[static_cast<std::size_t>(
          row / chunk.n * chunk.step_tokens + chunk.first + token)];
      const float* position = positions == nullptr
                                  ? nullptr
                                  : positions + (chunk.position + token + op.position_offset) * d;
      const float* embedding = out + row * d;
      if (narrow()) {
        NarrowTableRow(weights_->Table(table), id, out + row * d);
      } else {
        embedding = weights_->Tensor(table) + id * d;
      }
      EmbedRow(embedding, position, op.scale, d, out + row * d);
    }
  });
}

void CpuSession::Norm(const NormOp& op, const PlanStep& step, const Chunk& chunk) {
  const std::int64_t d = weights_->graph().d_model;
  const float* gain = weights_->Tensor(op.gain);
  const float* bias = weights_->Tensor(op.bias);
  const float* x = Slot(step.input);
  const auto normalize = [&](auto* y) {
    if (op.kind == NormKind::kLayerNorm) {
      LayerNorm(x, rows(chunk), d, gain, bias, op.epsilon, y, *pool_);
    } else {
      RmsNorm(x, rows(chunk), d, gain, op.epsilon, y, *pool_);
    }
  };
  if (step.feeds_products && Rounds(chunk)) {
    normalize(AsRounded(Slot(step.output)));
  } else {
    normalize(Slot(step.output));
  }
}

bool CpuSession::Attention(const AttentionOp& op, const PlanStep& step, Chunk& chunk) {
  const std::int64_t d = weights_->graph().d_model;
  const std::int64_t width = QkvWidth(op);
  const std::int64_t queries = op.n_head * op.d_head;
  const Epilogue qkv_epilogue{.bias = weights_->Tensor(op.qkv_bias)};
  float* qkv = scratch_.data();
  float* heads = qkv + RoundUp(rows(chunk) * width, kLineFloats);

  if (step.last_attention && chunk.which == Logits::kLast && chunk.n > 1) {
    const std::int64_t first = queries / kColumnGrain * kColumnGrain;
    Multiply(BlockInput(step, chunk), rows(chunk), op.qkv_weight, {first, width}, qkv_epilogue,
             {.values = qkv, .stride = width});
    StoreCache(op, chunk, qkv, width);
    if (!chunk.last) return false;
    KeepLastTokens(chunk);
    Multiply(BlockInput(step, chunk), rows(chunk), op.qkv_weight, {0, queries}, qkv_epilogue,
             {.values = qkv, .stride = width});
    AttendOneToken(op, chunk, qkv, width, heads);
  } else {
    Multiply(BlockInput(step, chunk), rows(chunk), op.qkv_weight, {0, width}, qkv_epilogue,
             {.values = qkv, .stride = width});
    StoreCache(op, chunk, qkv, width);
    if (chunk.n == 1) {
      AttendOneToken(op, chunk, qkv, width, heads);
    } else {
      AttendManyTokens(op, chunk, qkv, width, heads);
    }
  }
  const Epilogue out_epilogue{.bias = weights_->Tensor(op.out_bias),
                              .residual = step.residual == kNoSlot ? nullptr : Slot(step.residual),
                              .residual_stride = d};
  Multiply({.values = heads, .stride = queries}, rows(chunk), op.out_weight, {0, d}, out_epilogue,
           {.values = Slot(step.output), .stride = d});
  return true;
}

void CpuSession::StoreCache(const AttentionOp& op, const Chunk& chunk, float* qkv,
                            std::int64_t stride) {
  // Pieces of a sequence's new tokens, so that few heads still occupy all threads.
  const std::int64_t pieces = (chunk.n + kCacheBlock - 1) / kCacheBlock;
  const std::int64_t keys_column = op.n_head * op.d_head;
  const std::int64_t values_column = keys_column + op.n_kv_head * op.d_head;
  pool_->ParallelFor(
      options_.batch * op.n_kv_head * pieces, 1, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t first = i % pieces * kCacheBlock;
          const std::int64_t head = i / pieces % op.n_kv_head;
          const std::int64_t sequence = i / pieces / op.n_kv_head;
          float* row = qkv + (sequence * chunk.n + first) * stride + head * op.d_head;
          float* k = row + keys_column;
          const float* v = row + values_column;
          const std::int64_t n = std::min(kCacheBlock, chunk.n - first);
          const std::int64_t position = chunk.position + first;
          Rotate(op, {.x = k, .stride = stride, .rows = n, .first_position = position});
          StoreTokens(CacheOf(op, sequence, head), k, v, stride, n, position);
        }
      });
}

void CpuSession::Rotate(const AttentionOp& op, const RotaryTask& task) const {
  if (!IsRotary(op)) return;
  const RotaryPlace& place = *FindRotary(layout_, op);
  RotateHeads({rotary_.data() + place.begin, place.dims}, op.positions, task);
}

void CpuSession::AttendHead(const AttentionOp& op, std::int64_t sequence, std::int64_t kv_head,
                            float* q, const AttendTask& task, int worker) {
  Rotate(op, {.x = q,
              .stride = task.q_stride,
              .rows = task.rows,
              .first_position = task.first_position,
              .position_step = task.position_step});
  AttendTask with_queries = task;
  with_queries.q = q;
  AttendTokens(CacheOf(op, sequence, kv_head), with_queries,
               worker_scratch_.data() + worker * layout_.worker_bytes);
}

void CpuSession::AttendOneToken(const AttentionOp& op, const Chunk& chunk, float* qkv,
                                std::int64_t stride, float* heads) {
  // The query heads that share keys are the rows of one task: the keys are read once for all of
  // them.
  const std::int64_t group = op.n_head / op.n_kv_head;
  const std::int64_t query_block = MostQueries(kv_dtype_);
  pool_->ParallelFor(options_.batch * op.n_kv_head, 1,
                     [&](std::int64_t begin, std::int64_t end, int worker) {
                       for (std::int64_t i = begin; i < end; ++i) {
                         const std::int64_t sequence = i / op.n_kv_head;
                         const std::int64_t kv_head = i % op.n_kv_head;
                         for (std::int64_t first = 0; first < group; first += query_block) {
                           const std::int64_t column = (kv_head * group + first) * op.d_head;
                           AttendHead(op, sequence, kv_head, qkv + sequence * stride + column,
                                      {.q_stride = op.d_head,
                                       .rows = std::min(query_block, group - first),
                                       .first_position = chunk.position,
                                       .position_step = 0,
                                       .scale = op.scale,
                                       .out = heads + sequence * op.n_head * op.d_head + column,
                                       .out_stride = op.d_head},
                                      worker);
                         }
                       }
                     });
}

void CpuSession::AttendManyTokens(const AttentionOp& op, const Chunk& chunk, float* qkv,
                                  std::int64_t stride, float* heads) {
  const std::int64_t group = op.n_head / op.n_kv_head;
  const std::int64_t query_block = MostQueries(kv_dtype_);
  const std::int64_t blocks = (chunk.n + query_block - 1) / query_block;
  const std::int64_t sequences_heads = options_.batch * op.n_head;
  const std::int64_t out_stride = op.n_head * op.d_head;
  // Later queries see more keys: the longest tasks first, and whoever is free takes the next.
  std::atomic<std::int64_t> next{0};
  pool_->Run([&](int worker) {
    for (;;) {
      const std::int64_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= blocks * sequences_heads) return;
      const std::int64_t first = (blocks - 1 - i / sequences_heads) * query_block;
      const std::int64_t sequence = i % sequences_heads / op.n_head;
      const std::int64_t head = i % op.n_head;
      const std::int64_t row = sequence * chunk.n + first;
      AttendHead(op, sequence, head / group, qkv + row * stride + head * op.d_head,
                 {.q_stride = stride,
                  .rows = std::min(query_block, chunk.n - first),
                  .first_position = chunk.position + first,
                  .position_step = 1,
                  .scale = op.scale,
                  .out = heads + row * out_stride + head * op.d_head,
                  .out_stride = out_stride},
                 worker);
    }
  });
}

void CpuSession::FeedForward(const FeedForwardOp& op, const PlanStep& step, const Chunk& chunk) {
  const std::int64_t d = weights_->graph().d_model;
  const std::int64_t m = rows(chunk);
  const ColumnRange all{0, op.d_inner};
  const ProductInput x = BlockInput(step, chunk);
  const bool gated = op.gate_weight != kNoTensor;
  const ProductOutput plain{.values = scratch_.data(), .stride = op.d_inner};
  // What the second product reads; beside what a gate lets pass, if there is one.
  ProductOutput inner = plain;
  if (Rounds(chunk)) {
    const std::int64_t begin = gated ? RoundUp(m * op.d_inner, kLineFloats) : 0;
    inner = {.rounded = AsRounded(scratch_.data() + begin), .stride = RoundedStride(op.d_inner)};
  }
  if (gated) {
    Multiply(x, m, op.up_weight, all, {.bias = weights_->Tensor(op.up_bias)}, plain);
    // The gate multiplies what it lets pass, where that stands if need be, as its product finishes.
    Multiply(x, m, op.gate_weight, all,
             {.activation = op.activation, .factor = plain.values, .factor_stride = plain.stride},
             inner);
  } else {
    Multiply(x, m, op.up_weight, all,
             {.bias = weights_->Tensor(op.up_bias), .activation = op.activation}, inner);
  }
  const Epilogue epilogue{.bias = weights_->Tensor(op.down_bias),
                          .residual = step.residual == kNoSlot ? nullptr : Slot(step.residual),
                          .residual_stride = d};
  Multiply({inner.values, inner.rounded, inner.stride}, m, op.down_weight, {0, d}, epilogue,
           {.values = Slot(step.output), .stride = d});
}

void CpuSession::Add(const PlanStep& step, const Chunk& chunk) {
  const float* a = Slot(step.input);
  const float* b = Slot(step.input2);
  float* out = Slot(step.output);
  pool_->ParallelFor(rows(chunk) * weights_->graph().d_model, 4096,
                     [&](std::int64_t begin, std::int64_t end, int) {
                       AddValues(a + begin, b + begin, end - begin, out + begin);
                     });
}

void CpuSession::Head(const HeadOp& op, const PlanStep& step, Chunk& chunk) {
  const Graph& graph = weights_->graph();
  const TensorId table = op.clusters.front().table;
  const float* bias = weights_->Tensor(op.bias);
  const auto project = [&](const float* x, std::int64_t m, float* logits) {
    if (weights_->dtype() == DType::kFloat32) {
      MatMulTransposed(x, m, graph.d_model, weights_->Tensor(table), graph.vocab_size,
                       graph.d_model, bias, logits, graph.vocab_size, *pool_);
    } else {
      NarrowMatMulTransposed(x, m, graph.d_model, weights_->Table(table), bias, logits,
                             graph.vocab_size, {worker_scratch_.data(), layout_.worker_bytes},
                             *pool_);
    }
  };
  if (chunk.which == Logits::kLast) {
    if (!chunk.last) return;
    if (chunk.n > 1) KeepLastTokens(chunk);
    project(Slot(step.input), options_.batch, chunk.logits.data());
    return;
  }
  for (std::int64_t sequence = 0; sequence < options_.batch; ++sequence) {
    float* logits =
        chunk.logits.data() + (sequence * chunk.step_tokens + chunk.first) * graph.vocab_size;
    project(Slot(step.input) + sequence * chunk.n * graph.d_model, chunk.n, logits);
  }
}

void CpuSession::KeepLastTokens(Chunk& chunk) {
  const std::int64_t d = weights_->graph().d_model;
  for (std::int32_t slot = 0; slot < plan_.slots; ++slot) {
    float* values = Slot(slot);
    for (std::int64_t sequence = 0; sequence < options_.batch; ++sequence) {
      std::memmove(values + sequence * d, values + (sequence * chunk.n + chunk.n - 1) * d,
                   static_cast<std::size_t>(d) * sizeof(float));
    }
  }
  chunk.position += chunk.n - 1;
  chunk.first += chunk.n - 1;
  chunk.n = 1;
}

float* CpuSession::Slot(std::int32_t slot) { return slots_.data() + slot * layout_.slot; }

HeadCache CpuSession::CacheOf(const AttentionOp& op, std::int64_t sequence, std::int64_t kv_head) {
  const std::int64_t head = sequence * op.n_kv_head + kv_head;
  const std::int64_t words = layout_.layer_cache[static_cast<std::size_t>(op.layer)] +
                             head * HeadCacheWords(kv_dtype_, options_.max_tokens, op.d_head);
  return {kv_dtype_, options_.max_tokens, op.d_head, cache_.data() + words * kFloatBytes};
}

}  // namespace lts::cpu
