#include "lts/runtime/reference/interpreter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "lts/base/checked.h"
#include "lts/runtime/reference/ops.h"

namespace lts::reference {
namespace {

template <typename T>
std::span<T> Part(std::span<T> all, std::int64_t offset, std::int64_t size) {
  return all.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

void Store(std::span<const double> from, std::span<float> to) {
  std::transform(from.begin(), from.end(), to.begin(),
                 [](double value) { return static_cast<float>(value); });
}

std::string UnsupportedReason(const EmbedOp& op) {
  if (op.clusters.size() == 1) return "";
  return fmt::format("adaptive embeddings of {} clusters", op.clusters.size());
}
std::string UnsupportedReason(const HeadOp& op) {
  if (op.clusters.size() == 1) return "";
  return fmt::format("an adaptive softmax of {} clusters", op.clusters.size());
}
std::string UnsupportedReason(const AttentionOp& op) {
  switch (op.positions) {
    case PositionScheme::kNone:
      return "";
    case PositionScheme::kRotaryHalves:
    case PositionScheme::kRotaryInterleaved:
      if (op.rotary_dims % 2 == 0 && op.rotary_dims <= op.d_head) return "";
      return fmt::format("rotary positions of {} dimensions in heads of {}", op.rotary_dims,
                         op.d_head);
    case PositionScheme::kRelativeXl:
      break;
  }
  return "relative positions (Transformer-XL)";
}
template <typename AnyOtherOp>
std::string UnsupportedReason(const AnyOtherOp&) {
  return "";
}

}  // namespace

Availability InterpreterSupports(const Graph& graph) {
  for (const Op& node : graph.ops) {
    const std::string reason =
        std::visit([](const auto& op) { return UnsupportedReason(op); }, node.attributes);
    if (!reason.empty()) return {false, "the reference runtime does not interpret " + reason};
  }
  return {};
}

Interpreter::Interpreter(std::shared_ptr<const BoundGraph> bound, const SessionOptions& options)
    : bound_(std::move(bound)), options_(options) {
  CheckSessionOptions(options_, bound_->graph);
  sizes_ = ComputeSessionSizes(bound_->graph, options_);
  CheckMemory(CheckedAdd(sizes_.kv_cache_bytes(), sizes_.workspace_bytes()),
              "a session of the reference runtime");
  hidden_ = AlignedBuffer<float>(sizes_.hidden);
  for (const std::int64_t floats : sizes_.keys) {
    keys_.emplace_back(floats);
    values_.emplace_back(floats);
  }
  input_row_ = AlignedBuffer<double>(sizes_.input_row);
  wide_row_ = AlignedBuffer<double>(sizes_.wide_row);
  gate_row_ = AlignedBuffer<double>(sizes_.gate_row);
  output_row_ = AlignedBuffer<double>(sizes_.output_row);
  score_row_ = AlignedBuffer<double>(sizes_.score_row);
}

void Interpreter::Step(std::span<const std::int32_t> tokens, Logits which,
                       std::span<float> logits) {
  StepContext step{tokens, 0, which, logits};
  step.n = CheckStep(options_, bound_->graph, length_, tokens, which, logits.size());
  for (const Op& node : bound_->graph.ops) {
    std::visit([&](const auto& op) { Run(op, node, step); }, node.attributes);
  }
  length_ += step.n;
}

void Interpreter::Prepare(std::int64_t n) {
  if (n < 1 || n > options_.max_step_tokens) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("prepare: got {} tokens, expected 1 to max_step_tokens = {}", n,
                            options_.max_step_tokens));
  }
}

void Interpreter::Rewind(std::int64_t length) {
  CheckRewind(length, length_);
  length_ = length;
}

MemoryAccount Interpreter::memory() const {
  return {.weights = bound_->weight_bytes,
          .kv_cache = sizes_.kv_cache_bytes(),
          .workspace = sizes_.workspace_bytes()};
}

void Interpreter::Run(const EmbedOp& op, const Op& node, const StepContext& step) {
  const VocabCluster& cluster = op.clusters.front();
  const std::int64_t d_model = bound_->graph.d_model;
  const std::span<double> embedding = Part(input_row_.span(), 0, cluster.d_embed);
  const std::span<double> output = Part(output_row_.span(), 0, d_model);
  for (std::int64_t row = 0; row < options_.batch * step.n; ++row) {
    const std::int64_t token = step.tokens[static_cast<std::size_t>(row)];
    const auto entry = Part(Tensor(cluster.table), token * cluster.d_embed, cluster.d_embed);
    std::copy(entry.begin(), entry.end(), embedding.begin());
    if (cluster.projection == kNoTensor) {
      std::copy(embedding.begin(), embedding.end(), output.begin());
    } else {
      Linear(embedding, Tensor(cluster.projection), {}, output);
    }
    for (double& value : output) value *= static_cast<double>(op.scale);
    if (op.positions != kNoTensor) {
      const std::int64_t position = op.position_offset + length_ + row % step.n;
      const auto shift = Part(Tensor(op.positions), position * d_model, d_model);
      for (std::size_t i = 0; i < output.size(); ++i) output[i] += static_cast<double>(shift[i]);
    }
    Store(output, Row(node.output, row));
  }
}

void Interpreter::Run(const NormOp& op, const Op& node, const StepContext& step) {
  for (std::int64_t row = 0; row < options_.batch * step.n; ++row) {
    Norm(op.kind, op.epsilon, Row(node.input, row), Tensor(op.gain), Tensor(op.bias),
         Row(node.output, row));
  }
}

void Interpreter::AppendToCache(const AttentionOp& op, std::int64_t sequence, std::int64_t position,
                                std::span<double> keys, std::span<const double> values) {
  const auto layer = static_cast<std::size_t>(op.layer);
  for (std::int64_t h = 0; h < op.n_kv_head; ++h) {
    const std::int64_t place =
        ((sequence * op.n_kv_head + h) * options_.max_tokens + position) * op.d_head;
    const auto key = Part(keys, h * op.d_head, op.d_head);
    Rotate(op.positions, position, op.rotary_dims, static_cast<double>(op.rotary_base), key);
    Store(key, Part(keys_[layer].span(), place, op.d_head));
    Store(Part(values, h * op.d_head, op.d_head), Part(values_[layer].span(), place, op.d_head));
  }
}

void Interpreter::Run(const AttentionOp& op, const Op& node, const StepContext& step) {
  const auto layer = static_cast<std::size_t>(op.layer);
  const std::int64_t query_width = op.n_head * op.d_head;
  const std::int64_t key_width = op.n_kv_head * op.d_head;
  const std::span<double> qkv = Part(wide_row_.span(), 0, query_width + 2 * key_width);
  const std::span<double> attended = Part(gate_row_.span(), 0, query_width);
  const std::span<double> output = Part(output_row_.span(), 0, bound_->graph.d_model);
  for (std::int64_t row = 0; row < options_.batch * step.n; ++row) {
    const std::int64_t sequence = row / step.n;
    const std::int64_t position = length_ + row % step.n;
    Linear(LoadInput(node.input, row), Tensor(op.qkv_weight), Tensor(op.qkv_bias), qkv);
    AppendToCache(op, sequence, position, Part(qkv, query_width, key_width),
                  Part(qkv, query_width + key_width, key_width));
    // Causal: the cache of this sequence now ends with this row, so the whole of it is attended to.
    const std::span<double> scores = Part(score_row_.span(), 0, position + 1);
    for (std::int64_t h = 0; h < op.n_head; ++h) {
      const std::span<double> query = Part(qkv, h * op.d_head, op.d_head);
      Rotate(op.positions, position, op.rotary_dims, static_cast<double>(op.rotary_base), query);
      // Grouped queries: n_head / n_kv_head neighbouring query heads share one key and value head.
      const std::int64_t kv_head = h / (op.n_head / op.n_kv_head);
      const std::int64_t start =
          (sequence * op.n_kv_head + kv_head) * options_.max_tokens * op.d_head;
      const std::int64_t size = (position + 1) * op.d_head;
      Attend(query, Part(std::as_const(keys_[layer]).span(), start, size),
             Part(std::as_const(values_[layer]).span(), start, size), static_cast<double>(op.scale),
             scores, Part(attended, h * op.d_head, op.d_head));
    }
    Linear(attended, Tensor(op.out_weight), Tensor(op.out_bias), output);
    Store(output, Row(node.output, row));
  }
}

void Interpreter::Run(const FeedForwardOp& op, const Op& node, const StepContext& step) {
  const std::span<double> inner = Part(wide_row_.span(), 0, op.d_inner);
  const std::span<double> gate = Part(gate_row_.span(), 0, op.d_inner);
  const std::span<double> output = Part(output_row_.span(), 0, bound_->graph.d_model);
  for (std::int64_t row = 0; row < options_.batch * step.n; ++row) {
    const std::span<const double> input = LoadInput(node.input, row);
    Linear(input, Tensor(op.up_weight), Tensor(op.up_bias), inner);
    if (op.gate_weight == kNoTensor) {
      for (double& value : inner) value = Activate(op.activation, value);
    } else {
      Linear(input, Tensor(op.gate_weight), {}, gate);
      for (std::size_t i = 0; i < inner.size(); ++i) {
        inner[i] *= Activate(op.activation, gate[i]);
      }
    }
    Linear(inner, Tensor(op.down_weight), Tensor(op.down_bias), output);
    Store(output, Row(node.output, row));
  }
}

void Interpreter::Run(const AddOp& /*op*/, const Op& node, const StepContext& step) {
  for (std::int64_t row = 0; row < options_.batch * step.n; ++row) {
    const std::span<const float> a = Row(node.input, row);
    const std::span<const float> b = Row(node.input2, row);
    std::transform(a.begin(), a.end(), b.begin(), Row(node.output, row).begin(),
                   [](float x, float y) { return x + y; });
  }
}

void Interpreter::Run(const HeadOp& op, const Op& node, const StepContext& step) {
  const VocabCluster& cluster = op.clusters.front();
  const std::int64_t vocab_size = bound_->graph.vocab_size;
  const std::span<const float> bias = Tensor(op.bias);
  const std::span<double> scores = Part(output_row_.span(), 0, vocab_size);
  const std::int64_t positions = step.which == Logits::kAll ? step.n : 1;
  for (std::int64_t i = 0; i < options_.batch * positions; ++i) {
    const std::int64_t row = step.which == Logits::kAll ? i : (i + 1) * step.n - 1;
    std::span<const double> features = LoadInput(node.input, row);
    if (cluster.projection != kNoTensor) {
      const std::span<double> projected = Part(gate_row_.span(), 0, cluster.d_embed);
      LinearTransposed(features, Tensor(cluster.projection), projected);
      features = projected;
    }
    LinearTransposed(features, Tensor(cluster.table), scores);
    for (std::size_t v = 0; v < bias.size(); ++v) scores[v] += static_cast<double>(bias[v]);
    Store(scores, Part(step.logits, i * vocab_size, vocab_size));
  }
}

std::span<const float> Interpreter::Tensor(TensorId id) const {
  if (id == kNoTensor) return {};
  return bound_->tensors[static_cast<std::size_t>(id)];
}

std::span<float> Interpreter::Row(ValueId value, std::int64_t row) {
  const std::int64_t slot = sizes_.slots[static_cast<std::size_t>(value)];
  const std::int64_t d_model = bound_->graph.d_model;
  const std::int64_t rows = options_.batch * options_.max_step_tokens;
  return Part(hidden_.span(), (slot * rows + row) * d_model, d_model);
}

std::span<double> Interpreter::LoadInput(ValueId value, std::int64_t row) {
  const std::span<const float> from = Row(value, row);
  const std::span<double> to = Part(input_row_.span(), 0, bound_->graph.d_model);
  std::copy(from.begin(), from.end(), to.begin());
  return to;
}

}  // namespace lts::reference
