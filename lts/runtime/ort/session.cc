#include "lts/runtime/ort/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "lts/base/checked.h"
#include "lts/base/error.h"

namespace lts::ort {
namespace {

constexpr std::int64_t kFloatBytes = sizeof(float);

// Floats that the library holds at once in a step, about: the residual stream and what the widest
// block reads and writes, scores of attention, logits.
std::int64_t EstimateWorkspace(const Graph& graph, const SessionOptions& options) {
  std::int64_t widest = 0;
  std::int64_t scores = 0;
  for (const Op& op : graph.ops) {
    if (const auto* attention = std::get_if<AttentionOp>(&op.attributes)) {
      widest = std::max(widest, 2 * (attention->n_head + attention->n_kv_head) * attention->d_head);
      scores = std::max(scores, CheckedMul(CheckedMul(options.batch, attention->n_head),
                                           options.max_step_tokens, options.max_tokens));
    } else if (const auto* feed_forward = std::get_if<FeedForwardOp>(&op.attributes)) {
      widest = std::max(widest, 2 * feed_forward->d_inner);
    }
  }
  const std::int64_t rows = CheckedMul(options.batch, options.max_step_tokens);
  return CheckedAdd(CheckedMul(rows, CheckedAdd(3 * graph.d_model, widest)), scores);
}

// Of the logits that do not go to the caller's own buffer.
std::int64_t AllLogitsSize(const Graph& graph, const SessionOptions& options) {
  if (!options.all_logits) return 0;
  return CheckedMul(options.batch, options.max_step_tokens, graph.vocab_size);
}

}  // namespace

void CheckSessionMemory(const Graph& graph, const OnnxOptions& variant,
                        const SessionOptions& options) {
  const std::int64_t cache = KvCache::Bytes(LayersOf(graph), options, variant.shared_cache);
  const std::int64_t floats =
      CheckedAdd(EstimateWorkspace(graph, options), AllLogitsSize(graph, options));
  CheckMemory(CheckedAdd(cache, CheckedMul(floats, kFloatBytes)),
              "onnxruntime session (KV cache and workspace)");
}

Context::Context(std::shared_ptr<const Engine> engine, const SessionOptions& options)
    : engine_(std::move(engine)),
      options_(options),
      cache_(KvCache::Make(*engine_, options)),
      ids_(CheckedMul(options.batch, options.max_step_tokens)),
      lengths_(CheckedAdd(options.batch, 1)),
      all_logits_(AllLogitsSize(engine_->graph(), options)),
      binding_(engine_->api().NewIoBinding(engine_->session())) {
  LTS_CHECK(engine_->options().all_logits == options.all_logits);
  BindContext(*binding_, options_.batch);
}

void Context::Step(std::span<const std::int32_t> tokens, Logits which, std::span<float> logits) {
  const std::int64_t vocab_size = engine_->graph().vocab_size;
  const std::int64_t n =
      CheckStep(options_, engine_->graph(), length_, tokens, which, logits.size());
  std::copy(tokens.begin(), tokens.end(), ids_.data());
  const auto new_length = static_cast<std::int32_t>(length_ + n);
  std::fill_n(lengths_.data(), options_.batch, new_length - 1);
  lengths_[options_.batch] = new_length;
  // A graph that gives all logits gives more than the last ones.
  const bool more = options_.all_logits && which == Logits::kLast && n > 1;
  float* const out = more ? all_logits_.data() : logits.data();
  // GroupQueryAttention takes new tokens behind a context only one sequence at a time.
  const bool alone = engine_->options().fused && options_.batch > 1 && n > 1 && length_ > 0;
  if (alone) {
    RunOneByOne(n, out);
  } else {
    RunAll(n, out);
  }
  if (more) {
    for (std::int64_t sequence = 0; sequence < options_.batch; ++sequence) {
      std::copy_n(out + (sequence * n + n - 1) * vocab_size, vocab_size,
                  logits.data() + sequence * vocab_size);
    }
  }
  cache_->Finish();
  length_ += n;
}

void Context::RunAll(std::int64_t n, float* logits) {
  const OrtValue& ids = Ids(n);
  if (bound_ids_ != &ids) {
    BindInput(*binding_, "input_ids", ids);
    bound_ids_ = &ids;
  }
  // A caller mostly passes the same buffer.
  const std::int64_t rows = OutputRows(n);
  if (bound_logits_ != logits || bound_rows_ != rows) {
    BindLogits(*binding_, *NewLogits(logits, options_.batch, n));
    bound_logits_ = logits;
    bound_rows_ = rows;
  }
  cache_->Bind(*binding_, length_, length_ + n);
  const Functions& ort = engine_->api().functions();
  engine_->api().Check(ort.RunWithBinding(&engine_->session(), nullptr, binding_.get()), "step");
}

void Context::RunOneByOne(std::int64_t n, float* logits) {
  const Functions& ort = engine_->api().functions();
  const Owned<OrtIoBinding> binding = engine_->api().NewIoBinding(engine_->session());
  BindContext(*binding, 1);
  const std::int64_t size = OutputRows(n) * engine_->graph().vocab_size;
  for (std::int64_t sequence = 0; sequence < options_.batch; ++sequence) {
    BindInput(*binding, "input_ids", *NewIds(sequence, 1, n));
    BindLogits(*binding, *NewLogits(logits + sequence * size, 1, n));
    cache_->BindSequence(*binding, sequence, length_, length_ + n);
    engine_->api().Check(ort.RunWithBinding(&engine_->session(), nullptr, binding.get()), "step");
  }
}

void Context::BindInput(OrtIoBinding& binding, const char* name, const OrtValue& value) const {
  engine_->api().Check(engine_->api().functions().BindInput(&binding, name, &value), name);
}

void Context::BindLogits(OrtIoBinding& binding, const OrtValue& value) const {
  engine_->api().Check(engine_->api().functions().BindOutput(&binding, "logits", &value), "logits");
}

// Where the lengths are read from: only a cache in place needs to be told them.
void Context::BindContext(OrtIoBinding& binding, std::int64_t batch) const {
  if (!engine_->options().shared_cache) return;
  const std::int64_t shape[] = {batch};
  const Api& api = engine_->api();
  BindInput(binding, "seqlens_k", *api.NewValue(lengths_.data(), shape, ElementType::kInt32));
  BindInput(binding, "total_sequence_length",
            *api.NewValue(lengths_.data() + options_.batch, {}, ElementType::kInt32));
}

const OrtValue& Context::Ids(std::int64_t n) {
  Owned<OrtValue>& value = ids_values_[n];
  if (value == nullptr) value = NewIds(0, options_.batch, n);
  return *value;
}

Owned<OrtValue> Context::NewIds(std::int64_t first, std::int64_t batch, std::int64_t n) const {
  const std::int64_t shape[] = {batch, n};
  return engine_->api().NewValue(ids_.data() + first * n, shape, ElementType::kInt64);
}

Owned<OrtValue> Context::NewLogits(const float* logits, std::int64_t batch, std::int64_t n) const {
  const std::int64_t shape[] = {batch, OutputRows(n), engine_->graph().vocab_size};
  return engine_->api().NewValue(logits, shape, ElementType::kFloat32);
}

void Context::Prepare(std::int64_t n) {
  if (n < 1 || n > options_.max_step_tokens) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("prepare: got {} tokens, expected 1 to max_step_tokens = {}", n,
                            options_.max_step_tokens));
  }
  Ids(n);
}

void Context::Rewind(std::int64_t length) {
  CheckRewind(length, length_);
  cache_->Rewind(length_, length);
  length_ = length;
}

MemoryAccount Context::memory() const {
  return {.weights = engine_->weight_bytes(),
          .kv_cache = cache_->bytes(),
          .workspace = ids_.bytes() + lengths_.bytes() + all_logits_.bytes()};
}

}  // namespace lts::ort
