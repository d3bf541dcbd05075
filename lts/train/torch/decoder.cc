#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <string>
#include <variant>

#include "lts/train/torch/cross_entropy-inl.h"
#include "lts/train/torch/decoder-inl.h"

namespace lts::torch_engine {

// What one pass over the graph carries along.
struct Decoder::Step {
  std::span<const at::Tensor> weights;
  at::Tensor tokens;  // [B, T]
  const ForwardOptions& options;
  std::vector<at::Tensor> values;  // by ValueId, [B, T, d]

  const at::Tensor& Weight(TensorId id) const { return weights[static_cast<std::size_t>(id)]; }
  // An operand of a product, in the type of products.
  at::Tensor Operand(const at::Tensor& x) const {
    return options.bfloat16 ? x.to(at::kBFloat16) : x;
  }
  at::Tensor Operand(TensorId id) const {
    return id == kNoTensor ? at::Tensor() : Operand(Weight(id));
  }
  const at::Tensor& Input(const Op& node) const {
    return values[static_cast<std::size_t>(node.input)];
  }
  // x W + b: [rows, in] of the operands' type.
  at::Tensor Linear(const at::Tensor& x, TensorId weight, TensorId bias) const {
    const at::Tensor w = Operand(weight);
    return bias == kNoTensor ? at::mm(x, w) : at::addmm(Operand(bias), x, w);
  }
  at::Tensor Dropout(const at::Tensor& x, double probability) const {
    return probability > 0 ? at::dropout(x, probability, /*train=*/true) : x;
  }
  // The end of a block: [B * T, d] back to float32 [B, T, d], as the residual sum takes it.
  at::Tensor BlockOutput(const at::Tensor& rows) const {
    const at::Tensor shaped = rows.view({tokens.size(0), tokens.size(1), -1});
    return Dropout(shaped, options.dropout);
  }
};

Availability DecoderSupports(const Graph& graph) {
  for (const Op& op : graph.ops) {
    if (const auto* embed = std::get_if<EmbedOp>(&op.attributes)) {
      if (embed->clusters.size() > 1) {
        return {false, "training of adaptive vocabularies (" +
                           std::to_string(embed->clusters.size()) + " clusters) is not there"};
      }
    } else if (const auto* attention = std::get_if<AttentionOp>(&op.attributes)) {
      if (attention->positions == PositionScheme::kRelativeXl) {
        return {false, "training of Transformer-XL's relative attention is not there"};
      }
    } else if (const auto* head = std::get_if<HeadOp>(&op.attributes)) {
      if (head->clusters.size() > 1) {
        return {false, "training of adaptive softmax (" + std::to_string(head->clusters.size()) +
                           " clusters) is not there"};
      }
    }
  }
  return {};
}

Decoder::Decoder(const Graph& graph) : graph_(graph) { LTS_CHECK(DecoderSupports(graph).ok); }

at::Tensor Decoder::Logits(std::span<const at::Tensor> weights, const at::Tensor& tokens,
                           const ForwardOptions& options) {
  LTS_CHECK(weights.size() == graph_.tensors.size());
  Step step{.weights = weights, .tokens = tokens, .options = options, .values = {}};
  step.values.resize(static_cast<std::size_t>(graph_.n_values));
  for (const Op& node : graph_.ops) {
    step.values[static_cast<std::size_t>(node.output)] =
        std::visit([&](const auto& op) { return Run(op, node, step); }, node.attributes);
  }
  return step.values[static_cast<std::size_t>(graph_.ops.back().output)];
}

at::Tensor Decoder::Loss(std::span<const at::Tensor> weights, const at::Tensor& tokens,
                         const at::Tensor& targets, const ForwardOptions& options) {
  return CrossEntropy(Logits(weights, tokens, options), targets);
}

at::Tensor Decoder::Run(const EmbedOp& op, const Op& /*node*/, Step& step) {
  const VocabCluster& cluster = op.clusters.front();
  at::Tensor x = at::embedding(step.Weight(cluster.table), step.tokens);
  if (cluster.projection != kNoTensor) x = at::matmul(x, step.Weight(cluster.projection));
  if (op.scale != 1.0F) x = x * op.scale;
  if (op.positions != kNoTensor) {
    x = x + step.Weight(op.positions).narrow(0, op.position_offset, step.tokens.size(1));
  }
  return step.Dropout(x, step.options.dropout);
}

at::Tensor Decoder::Run(const NormOp& op, const Op& node, Step& step) {
  const at::Tensor& x = step.Input(node);
  const at::Tensor& gain = step.Weight(op.gain);
  const at::Tensor bias = op.bias == kNoTensor ? at::Tensor() : step.Weight(op.bias);
  const auto epsilon = static_cast<double>(op.epsilon);
  if (op.kind == NormKind::kLayerNorm) {
    return at::layer_norm(x, gain.sizes(), gain, bias, epsilon);
  }
  const at::Tensor y = x * at::rsqrt(at::mean(x * x, {-1}, /*keepdim=*/true) + epsilon) * gain;
  return bias.defined() ? y + bias : y;
}

at::Tensor Decoder::Run(const AttentionOp& op, const Op& node, Step& step) {
  const at::Tensor& input = step.Input(node);
  const std::int64_t batch = input.size(0);
  const std::int64_t n = input.size(1);
  const std::int64_t groups = op.n_head / op.n_kv_head;  // query heads of a key and value head
  const at::Tensor rows = step.Operand(input).view({batch * n, -1});
  const std::vector<at::Tensor> parts = at::split_with_sizes(
      step.Linear(rows, op.qkv_weight, op.qkv_bias),
      {op.n_head * op.d_head, op.n_kv_head * op.d_head, op.n_kv_head * op.d_head}, -1);
  const at::Tensor q = Rotate(op, parts[0].view({batch, n, op.n_head, op.d_head}));
  const at::Tensor k = Rotate(op, parts[1].view({batch, n, op.n_kv_head, op.d_head}));
  const at::Tensor v = parts[2].view({batch, n, op.n_kv_head, op.d_head});
  // One product for each key and value head: its group's queries are stacked to [groups * T].
  const at::Tensor queries = q.view({batch, n, op.n_kv_head, groups, op.d_head})
                                 .permute({0, 2, 3, 1, 4})
                                 .reshape({batch * op.n_kv_head, groups * n, op.d_head});
  const auto per_head = [&](const at::Tensor& x) {
    return x.transpose(1, 2).reshape({batch * op.n_kv_head, n, op.d_head});
  };
  const at::Tensor scores =
      at::baddbmm(CausalMask(n, groups, queries.scalar_type()), queries,
                  per_head(k).transpose(1, 2), /*beta=*/1, static_cast<double>(op.scale));
  const at::Tensor shares = step.Dropout(at::softmax(scores, -1), step.options.attention_dropout);
  const at::Tensor attended = at::bmm(shares, per_head(v))
                                  .view({batch, op.n_head, n, op.d_head})
                                  .transpose(1, 2)
                                  .reshape({batch * n, op.n_head * op.d_head});
  return step.BlockOutput(step.Linear(attended, op.out_weight, op.out_bias));
}

at::Tensor Decoder::Run(const FeedForwardOp& op, const Op& node, Step& step) {
  const at::Tensor& input = step.Input(node);
  const at::Tensor rows = step.Operand(input).view({input.size(0) * input.size(1), -1});
  const auto activate = [&](const at::Tensor& x) {
    switch (op.activation) {
      case Activation::kGeluTanh:
        return at::gelu(x, "tanh");
      case Activation::kGeluErf:
        return at::gelu(x);
      case Activation::kRelu:
        return at::relu(x);
      case Activation::kReluSquared:
        return at::square(at::relu(x));
      case Activation::kSilu:
        return at::silu(x);
    }
    return x;
  };
  const at::Tensor up = step.Linear(rows, op.up_weight, op.up_bias);
  const at::Tensor inner = op.gate_weight == kNoTensor
                               ? activate(up)
                               : activate(step.Linear(rows, op.gate_weight, kNoTensor)) * up;
  return step.BlockOutput(step.Linear(inner, op.down_weight, op.down_bias));
}

at::Tensor Decoder::Run(const AddOp& /*op*/, const Op& node, Step& step) {
  return at::add(step.Input(node), step.values[static_cast<std::size_t>(node.input2)]);
}

at::Tensor Decoder::Run(const HeadOp& op, const Op& node, Step& step) {
  const VocabCluster& cluster = op.clusters.front();
  const at::Tensor& input = step.Input(node);
  at::Tensor features = step.Operand(input).view({input.size(0) * input.size(1), -1});
  if (cluster.projection != kNoTensor) {
    features = at::mm(features, step.Operand(cluster.projection).t());
  }
  at::Tensor logits = at::mm(features, step.Operand(cluster.table).t());
  if (step.options.bfloat16) logits = logits.to(at::kFloat);
  return op.bias == kNoTensor ? logits : logits + step.Weight(op.bias);
}

const Decoder::Turns& Decoder::TurnsOf(std::int64_t dims, float base, std::int64_t n) {
  Turns& turns = turns_[{dims, base, n}];
  if (!turns.first.defined()) {
    const at::NoGradGuard no_grad;
    const auto exponents = at::arange(0, dims, 2, at::kDouble) / -static_cast<double>(dims);
    const at::Tensor frequencies = at::pow(static_cast<double>(base), exponents);
    const at::Tensor angles =
        at::arange(n, at::kDouble).unsqueeze(1) * frequencies.unsqueeze(0);  // [T, dims / 2]
    turns = {at::cos(angles).to(at::kFloat).unsqueeze(1),
             at::sin(angles).to(at::kFloat).unsqueeze(1)};
  }
  return turns;
}

at::Tensor Decoder::Rotate(const AttentionOp& op, const at::Tensor& heads) {
  const bool halves = op.positions == PositionScheme::kRotaryHalves;
  if (op.rotary_dims == 0 || (!halves && op.positions != PositionScheme::kRotaryInterleaved)) {
    return heads;
  }
  const std::int64_t pairs = op.rotary_dims / 2;
  const auto& [cosines, sines] = TurnsOf(op.rotary_dims, op.rotary_base, heads.size(1));
  const at::Tensor turned = heads.narrow(-1, 0, op.rotary_dims);
  const at::Tensor a = halves ? turned.narrow(-1, 0, pairs) : turned.slice(-1, 0, {}, 2);
  const at::Tensor b = halves ? turned.narrow(-1, pairs, pairs) : turned.slice(-1, 1, {}, 2);
  const at::Tensor new_a = a * cosines - b * sines;  // float32: cosines are
  const at::Tensor new_b = b * cosines + a * sines;
  at::Tensor joined =
      (halves ? at::cat({new_a, new_b}, -1) : at::stack({new_a, new_b}, -1).flatten(-2))
          .to(heads.scalar_type());
  if (op.rotary_dims == op.d_head) return joined;
  return at::cat({joined, heads.narrow(-1, op.rotary_dims, op.d_head - op.rotary_dims)}, -1);
}

const at::Tensor& Decoder::CausalMask(std::int64_t n, std::int64_t groups, at::ScalarType type) {
  at::Tensor& mask = masks_[{n, groups, type}];
  if (!mask.defined()) {
    const at::NoGradGuard no_grad;
    const double never = -std::numeric_limits<double>::infinity();
    mask = at::full({n, n}, never, at::kFloat).triu(1).to(type).repeat({groups, 1}).unsqueeze(0);
  }
  return mask;
}

}  // namespace lts::torch_engine
