// Runs any Graph that arch/op.h can describe and that InterpreterSupports() admits: op by op, row
// by row.
//
// Precision: hidden values between ops and the KV cache are float32, everything inside an op is
// float64. A row's arithmetic does not depend on how many rows a step has, so prefill and decode
// agree bit for bit.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "lts/arch/graph.h"
#include "lts/base/aligned_buffer.h"
#include "lts/runtime/runtime.h"

namespace lts::reference {

// A graph and where its weights lie.
struct BoundGraph {
  Graph graph;
  std::vector<std::span<const float>> tensors;  // in the order of graph.tensors
  std::shared_ptr<const void> storage;          // keeps the weights alive
  std::int64_t weight_bytes = 0;
};

// Everything but relative attention (Transformer-XL) and vocabularies of several clusters.
Availability InterpreterSupports(const Graph& graph);

// How many elements each buffer of a session needs.
struct SessionSizes {
  std::vector<std::int64_t> slots;  // of each hidden value: its place in `hidden`, shared over time
  std::int64_t hidden = 0;          // floats: [number of slots, batch * max_step_tokens, d_model]
  std::vector<std::int64_t> keys;   // floats, per layer: [batch, n_kv_head, max_tokens, d_head]
  std::int64_t input_row = 0;       // doubles, widest over all ops
  std::int64_t wide_row = 0;        // projections to queries, keys and values; inner width
  std::int64_t gate_row = 0;        // attended heads; gate
  std::int64_t output_row = 0;      // what an op gives: d_model or vocabulary
  std::int64_t score_row = 0;       // one row of attention scores: max_tokens

  std::int64_t kv_cache_bytes() const;
  std::int64_t workspace_bytes() const;
};
// Throws kInvalidArgument when a size overflows.
SessionSizes ComputeSessionSizes(const Graph& graph, const SessionOptions& options);

class Interpreter final : public Session {
 public:
  // `bound` must satisfy InterpreterSupports() and ValidateGraph(). Throws as
  // LoadedModel::NewSession.
  Interpreter(std::shared_ptr<const BoundGraph> bound, const SessionOptions& options);

  void Step(std::span<const std::int32_t> tokens, Logits which, std::span<float> logits) override;
  void Prepare(std::int64_t n) override;
  std::int64_t length() const override { return length_; }
  void Rewind(std::int64_t length) override;
  MemoryAccount memory() const override;

 private:
  // What the ops of one step read and write: n new tokens of each sequence after length_ old ones.
  struct StepContext {
    std::span<const std::int32_t> tokens;  // [batch, n]
    std::int64_t n = 0;
    Logits which = Logits::kLast;
    std::span<float> logits;  // [batch, V] or [batch, n, V]
  };

  void Run(const EmbedOp& op, const Op& node, const StepContext& step);
  void Run(const NormOp& op, const Op& node, const StepContext& step);
  void Run(const AttentionOp& op, const Op& node, const StepContext& step);
  void Run(const FeedForwardOp& op, const Op& node, const StepContext& step);
  void Run(const AddOp& op, const Op& node, const StepContext& step);
  void Run(const HeadOp& op, const Op& node, const StepContext& step);

  // Turns one head's key by its position and appends it and its value to the cache.
  void AppendToCache(const AttentionOp& op, std::int64_t sequence, std::int64_t position,
                     std::span<double> keys, std::span<const double> values);

  std::span<const float> Tensor(TensorId id) const;       // empty for kNoTensor
  std::span<float> Row(ValueId value, std::int64_t row);  // [d_model]
  std::span<double> LoadInput(ValueId value, std::int64_t row);

  std::shared_ptr<const BoundGraph> bound_;
  SessionOptions options_;
  SessionSizes sizes_;
  std::int64_t length_ = 0;
  AlignedBuffer<float> hidden_;
  std::vector<AlignedBuffer<float>> keys_;    // per layer: [batch, n_kv_head, max_tokens, d_head]
  std::vector<AlignedBuffer<float>> values_;  // likewise
  AlignedBuffer<double> input_row_;
  AlignedBuffer<double> wide_row_;
  AlignedBuffer<double> gate_row_;
  AlignedBuffer<double> output_row_;
  AlignedBuffer<double> score_row_;
};

}  // namespace lts::reference
