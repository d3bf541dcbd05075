#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "lts/export/onnx_writer.h"

namespace lts {
namespace {

constexpr std::int64_t kLast = -1;
// GroupQueryAttention's kernels move heads in blocks of 16 bytes and more.
constexpr std::int64_t kHeadGrain = 8;

struct Heads {
  Name queries;  // [B, T, n_head, d_head]
  Name keys;     // [B, T, n_kv_head, d_head]
  Name values;   // [B, T, n_kv_head, d_head]
};

Heads SplitHeads(OnnxWriter& writer, const AttentionOp& op, const Name& qkv) {
  const std::int64_t wide = op.n_head * op.d_head;
  const std::int64_t narrow = op.n_kv_head * op.d_head;
  Heads heads{writer.Fresh("queries"), writer.Fresh("keys"), writer.Fresh("values")};
  writer.AddNode({"Split",
                  "",
                  {qkv, writer.Ints({wide, narrow, narrow})},
                  {heads.queries, heads.keys, heads.values},
                  {{"axis", kLast}}});
  heads.queries = writer.Reshape(heads.queries, {0, 0, op.n_head, op.d_head});
  heads.keys = writer.Reshape(heads.keys, {0, 0, op.n_kv_head, op.d_head});
  heads.values = writer.Reshape(heads.values, {0, 0, op.n_kv_head, op.d_head});
  return heads;
}

// The cosines and sines of the step's positions: [T, 1, rotary_dims / 2], to be multiplied with
// [B, T, n_head, rotary_dims / 2].
struct Rotation {
  Name cosines;
  Name sines;
};

Rotation WriteRotation(OnnxWriter& writer, const OnnxStep& step, const AttentionOp& op) {
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < op.rotary_dims; i += 2) {
    const double exponent = static_cast<double>(i) / static_cast<double>(op.rotary_dims);
    frequencies.push_back(
        static_cast<float>(std::pow(static_cast<double>(op.rotary_base), -exponent)));
  }
  const Name positions =
      writer.Reshape(writer.Cast(step.positions, OnnxType::kFloat32), {-1, 1, 1});
  const Name angles = writer.Add("Mul", {positions, writer.Float32(frequencies)});
  Rotation rotation{writer.Add("Cos", {angles}), writer.Add("Sin", {angles})};
  if (writer.compute_type() != OnnxType::kFloat32) {
    rotation.cosines = writer.Cast(rotation.cosines, writer.compute_type());
    rotation.sines = writer.Cast(rotation.sines, writer.compute_type());
  }
  return rotation;
}

// x [B, T, heads, d_head]: the first rotary_dims of each head are turned in pairs, the rest stays.
Name Rotate(OnnxWriter& writer, const AttentionOp& op, const Rotation& rotation, const Name& x,
            std::int64_t n_head) {
  const std::int64_t half = op.rotary_dims / 2;
  const auto split = [&](const Name& value, const std::vector<std::int64_t>& sizes,
                         std::int64_t axis) {
    std::vector<Name> parts;
    for (std::size_t i = 0; i < sizes.size(); ++i) parts.push_back(writer.Fresh("part"));
    writer.AddNode({"Split", "", {value, writer.Ints(sizes)}, parts, {{"axis", axis}}});
    return parts;
  };
  Name turned = x;
  Name rest;
  if (op.rotary_dims < op.d_head) {
    const std::vector<Name> parts = split(x, {op.rotary_dims, op.d_head - op.rotary_dims}, kLast);
    turned = parts[0];
    rest = parts[1];
  }
  const bool interleaved = op.positions == PositionScheme::kRotaryInterleaved;
  Name first;
  Name second;
  if (interleaved) {
    const std::vector<Name> parts =
        split(writer.Reshape(turned, {0, 0, n_head, half, 2}), {1, 1}, kLast);
    first = writer.Reshape(parts[0], {0, 0, n_head, half});
    second = writer.Reshape(parts[1], {0, 0, n_head, half});
  } else {
    const std::vector<Name> parts = split(turned, {half, half}, kLast);
    first = parts[0];
    second = parts[1];
  }
  const auto product = [&](const Name& a, const Name& b) { return writer.Add("Mul", {a, b}); };
  Name new_first =
      writer.Add("Sub", {product(first, rotation.cosines), product(second, rotation.sines)});
  Name new_second =
      writer.Add("Add", {product(second, rotation.cosines), product(first, rotation.sines)});
  if (interleaved) {
    new_first = writer.Reshape(new_first, {0, 0, n_head, half, 1});
    new_second = writer.Reshape(new_second, {0, 0, n_head, half, 1});
  }
  turned = writer.Add("Concat", {new_first, new_second}, {{"axis", kLast}});
  if (interleaved) turned = writer.Reshape(turned, {0, 0, n_head, op.rotary_dims});
  return rest.empty() ? turned : writer.Add("Concat", {turned, rest}, {{"axis", kLast}});
}

// [T, P + T]: 0 where a position may be attended to, else the least finite number.
Name CausalMask(OnnxWriter& writer, OnnxStep& step) {
  if (!step.mask.empty()) return step.mask;
  const bool half = writer.compute_type() == OnnxType::kFloat16;
  const Name columns =
      writer.Add("Range", {writer.Int(0), writer.Add("Squeeze", {step.total}), writer.Int(1)});
  const Name rows = writer.Reshape(step.positions, {-1, 1});
  const Name hidden = writer.Add("Greater", {columns, rows});
  step.mask = writer.Add(
      "Where", {hidden, writer.Float(half ? -65504.0F : -3.4028234e38F), writer.Float(0)});
  return step.mask;
}

// Softmax attention in standard operators. All keys and values: [B, n_kv_head, P + T, d_head].
Name PlainAttention(OnnxWriter& writer, OnnxStep& step, const AttentionOp& op, const Heads& heads,
                    const Name& all_keys, const Name& all_values) {
  Name queries = writer.Add("Mul", {heads.queries, writer.Float(op.scale)});
  queries = writer.Transpose(queries, {0, 2, 1, 3});
  // Query heads that share keys become rows of one product: head h uses keys h / group.
  const bool grouped = op.n_kv_head != op.n_head;
  if (grouped) queries = writer.Reshape(queries, {0, op.n_kv_head, -1, op.d_head});
  Name scores = writer.Add("MatMul", {queries, writer.Transpose(all_keys, {0, 1, 3, 2})});
  if (grouped) {
    const Name shape =
        writer.Add("Concat", {step.batch, writer.Ints({op.n_head}), step.tokens, step.total},
                   {{"axis", std::int64_t{0}}});
    scores = writer.Add("Reshape", {scores, shape});
  }
  Name weights = writer.Add("Softmax", {writer.Add("Add", {scores, CausalMask(writer, step)})},
                            {{"axis", kLast}});
  if (grouped) {
    const Name shape = writer.Add(
        "Concat", {step.batch, writer.Ints({op.n_kv_head}), writer.Ints({-1}), step.total},
        {{"axis", std::int64_t{0}}});
    weights = writer.Add("Reshape", {weights, shape});
  }
  Name mixed = writer.Add("MatMul", {weights, all_values});
  if (grouped) mixed = writer.Reshape(mixed, {0, op.n_head, -1, op.d_head});
  return writer.Reshape(writer.Transpose(mixed, {0, 2, 1, 3}), {0, 0, op.n_head * op.d_head});
}

}  // namespace

bool FitsGroupQueryAttention(const AttentionOp& op) {
  return op.positions != PositionScheme::kRelativeXl && op.d_head % kHeadGrain == 0 &&
         op.n_head % op.n_kv_head == 0;
}

Name WriteAttention(OnnxWriter& writer, OnnxStep& step, const AttentionOp& op, const Name& x) {
  writer.set_scope(fmt::format("layers.{}/attention", op.layer));
  const OnnxCacheNames cache = CacheNamesOf(op.layer);
  const Name qkv = writer.Linear(x, op.qkv_weight, op.qkv_bias);
  const bool rotary = op.positions == PositionScheme::kRotaryHalves ||
                      op.positions == PositionScheme::kRotaryInterleaved;
  const bool fused = writer.options().fused && FitsGroupQueryAttention(op);

  Name queries = qkv;  // GroupQueryAttention splits them itself
  Name keys;
  Name values;
  Heads heads;
  if (rotary || !fused) {
    heads = SplitHeads(writer, op, qkv);
    if (rotary) {
      const Rotation rotation = WriteRotation(writer, step, op);
      heads.queries = Rotate(writer, op, rotation, heads.queries, op.n_head);
      heads.keys = Rotate(writer, op, rotation, heads.keys, op.n_kv_head);
    }
  }
  Name mixed;
  if (fused) {
    if (rotary) {
      queries = writer.Reshape(heads.queries, {0, 0, op.n_head * op.d_head});
      keys = writer.Reshape(heads.keys, {0, 0, op.n_kv_head * op.d_head});
      values = writer.Reshape(heads.values, {0, 0, op.n_kv_head * op.d_head});
    }
    mixed = writer.Fresh("GroupQueryAttention");
    writer.AddNode(
        {"GroupQueryAttention",
         kOrtDomain,
         {queries, keys, values, cache.past[0], cache.past[1], step.seqlens_k,
          step.total_sequence_length},
         {mixed, cache.present[0], cache.present[1]},
         {{"num_heads", op.n_head}, {"kv_num_heads", op.n_kv_head}, {"scale", op.scale}}});
    writer.DeclareHidden(mixed, op.n_head * op.d_head);
  } else {
    const auto extend = [&](int i, const Name& fresh) {
      return writer.Add("Concat", {cache.past[i], writer.Transpose(fresh, {0, 2, 1, 3})},
                        {{"axis", std::int64_t{2}}}, cache.present[i]);
    };
    const Name all_keys = extend(0, heads.keys);
    const Name all_values = extend(1, heads.values);
    mixed = PlainAttention(writer, step, op, heads, all_keys, all_values);
  }
  return writer.Linear(mixed, op.out_weight, op.out_bias);
}

}  // namespace lts
