#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

#include "lts/export/onnx_writer.h"

namespace lts {
namespace {

constexpr std::int64_t kLast = -1;

std::int64_t Extent(const OnnxWriter& writer, TensorId tensor, std::size_t axis) {
  return writer.graph().tensors[static_cast<std::size_t>(tensor)].shape[axis];
}

// Rows of a token table: [B, T, d_embed] in compute type.
Name GatherTokens(OnnxWriter& writer, TensorId table) {
  if (writer.options().dtype != OnnxDType::kInt8) {
    return writer.Add("Gather", {writer.Weight(table), "input_ids"});
  }
  const OnnxWriter::Quantized rows = writer.QuantizedWeight(table, /*scale_per_row=*/true);
  const Name values =
      writer.Cast(writer.Add("Gather", {rows.values, "input_ids"}), OnnxType::kFloat32);
  const Name scales = writer.Add(
      "Unsqueeze", {writer.Add("Gather", {rows.scales, "input_ids"}), writer.Ints({kLast})});
  return writer.Add("Mul", {values, scales});
}

Name GeluTanh(OnnxWriter& writer, const Name& x) {
  // 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), Hendrycks & Gimpel 2016.
  const Name cube = writer.Add("Mul", {writer.Add("Mul", {x, x}), x});
  const Name inner = writer.Add("Add", {x, writer.Add("Mul", {cube, writer.Float(0.044715F)})});
  const auto root = static_cast<float>(std::sqrt(2 / std::numbers::pi));
  const Name bent = writer.Add("Tanh", {writer.Add("Mul", {inner, writer.Float(root)})});
  const Name gate = writer.Add("Add", {bent, writer.Float(1)});
  return writer.Add("Mul", {writer.Add("Mul", {x, gate}), writer.Float(0.5F)});
}

Name GeluErf(OnnxWriter& writer, const Name& x) {
  const auto root = static_cast<float>(1 / std::numbers::sqrt2);
  const Name bent = writer.Add("Erf", {writer.Add("Mul", {x, writer.Float(root)})});
  const Name gate = writer.Add("Add", {bent, writer.Float(1)});
  return writer.Add("Mul", {writer.Add("Mul", {x, gate}), writer.Float(0.5F)});
}

Name Activate(OnnxWriter& writer, Activation activation, const Name& x, std::int64_t width) {
  switch (activation) {
    case Activation::kGeluTanh:
      return writer.options().fused ? writer.AddOrt("FastGelu", {x}, width) : GeluTanh(writer, x);
    case Activation::kGeluErf:
      return writer.options().fused ? writer.AddOrt("Gelu", {x}, width) : GeluErf(writer, x);
    case Activation::kRelu:
      return writer.Add("Relu", {x});
    case Activation::kReluSquared: {
      const Name positive = writer.Add("Relu", {x});
      return writer.Add("Mul", {positive, positive});
    }
    case Activation::kSilu:
      return writer.Add("Mul", {x, writer.Add("Sigmoid", {x})});
  }
  throw Error(ErrorCode::kUnsupported, "ONNX export: unknown activation");
}

Name RmsNorm(OnnxWriter& writer, const NormOp& op, const Name& x) {
  // In float32 whatever the compute type: squares leave the range of half precision.
  const bool half = writer.compute_type() == OnnxType::kFloat16;
  const Name wide = half ? writer.Cast(x, OnnxType::kFloat32) : x;
  const Name square = writer.Add("Mul", {wide, wide});
  Name mean;
  if (writer.options().opset < 18) {
    mean = writer.Add("ReduceMean", {square}, {{"axes", std::vector<std::int64_t>{kLast}}});
  } else {
    mean = writer.Add("ReduceMean", {square, writer.Ints({kLast})});  // no longer an attribute
  }
  const Name shifted = writer.Add("Add", {mean, writer.Float32({op.epsilon})});
  Name normed = writer.Add("Div", {wide, writer.Add("Sqrt", {shifted})});
  if (half) normed = writer.Cast(normed, OnnxType::kFloat16);
  if (op.gain != kNoTensor) normed = writer.Add("Mul", {normed, writer.Weight(op.gain)});
  return op.bias == kNoTensor ? normed : writer.Add("Add", {normed, writer.Weight(op.bias)});
}

}  // namespace

Name WriteEmbed(OnnxWriter& writer, const OnnxStep& step, const EmbedOp& op) {
  const VocabCluster& cluster = op.clusters.front();
  writer.set_scope("embed");
  Name x = GatherTokens(writer, cluster.table);
  if (cluster.projection != kNoTensor) x = writer.Linear(x, cluster.projection, kNoTensor);
  if (op.scale != 1.0F) x = writer.Add("Mul", {x, writer.Float(op.scale)});
  if (op.positions == kNoTensor) return x;
  Name rows = step.positions;
  if (op.position_offset != 0) {
    rows = writer.Add("Add", {rows, writer.Int(op.position_offset)});
  }
  return writer.Add("Add", {x, writer.Add("Gather", {writer.Weight(op.positions), rows})});
}

Name WriteNorm(OnnxWriter& writer, const NormOp& op, const Name& x) {
  if (op.kind == NormKind::kRmsNorm) return RmsNorm(writer, op, x);
  LTS_CHECK(op.gain != kNoTensor);  // SupportsOnnx
  std::vector<Name> inputs = {x, writer.Weight(op.gain)};
  if (op.bias != kNoTensor) inputs.push_back(writer.Weight(op.bias));
  return writer.Add("LayerNormalization", std::move(inputs),
                    {{"axis", kLast}, {"epsilon", op.epsilon}});
}

Name WriteFeedForward(OnnxWriter& writer, const FeedForwardOp& op, const Name& x) {
  Name hidden = writer.Linear(x, op.up_weight, op.up_bias);
  if (op.gate_weight == kNoTensor) {
    hidden = Activate(writer, op.activation, hidden, op.d_inner);
  } else {
    const Name gate = writer.Linear(x, op.gate_weight, kNoTensor);
    hidden = writer.Add("Mul", {Activate(writer, op.activation, gate, op.d_inner), hidden});
  }
  return writer.Linear(hidden, op.down_weight, op.down_bias);
}

Name WriteHead(OnnxWriter& writer, const HeadOp& op, const Name& x) {
  const VocabCluster& cluster = op.clusters.front();
  Name rows = x;
  if (!writer.options().all_logits) {
    rows = writer.Add(
        "Slice", {x, writer.Ints({kLast}), writer.Ints({std::numeric_limits<std::int64_t>::max()}),
                  writer.Ints({1})});
  }
  if (cluster.projection != kNoTensor) {
    // [d_embed, d_model] is the embedding's direction: the head goes the other way.
    LTS_CHECK(Extent(writer, cluster.projection, 0) == cluster.d_embed);
    rows = writer.LinearTransposed(rows, cluster.projection);
  }
  Name logits = writer.LinearTransposed(rows, cluster.table);
  if (op.bias != kNoTensor) logits = writer.Add("Add", {logits, writer.Weight(op.bias)});
  if (writer.compute_type() == OnnxType::kFloat16) {
    logits = writer.Cast(logits, OnnxType::kFloat32);
  }
  return writer.Add("Identity", {logits}, {}, "logits");
}

}  // namespace lts
