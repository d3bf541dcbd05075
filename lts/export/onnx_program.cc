#include "lts/export/onnx_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "lts/base/checked.h"
#include "lts/export/onnx_writer.h"

namespace lts {
namespace {

template <typename T>
const T* As(const Op& op) {
  return std::get_if<T>(&op.attributes);
}

bool UsesGroupQueryAttention(const Graph& graph, const OnnxOptions& options) {
  return options.fused && std::any_of(graph.ops.begin(), graph.ops.end(), [](const Op& op) {
           const auto* attention = As<AttentionOp>(op);
           return attention != nullptr && FitsGroupQueryAttention(*attention);
         });
}

void DeclareInterface(OnnxWriter& writer) {
  OnnxProgram& program = writer.program();
  const Graph& graph = writer.graph();
  const OnnxOptions& options = writer.options();
  const OnnxType type = writer.compute_type();
  program.inputs.push_back({"input_ids", OnnxType::kInt64, {"batch", "tokens"}});
  if (options.shared_cache) {
    program.inputs.push_back({"seqlens_k", OnnxType::kInt32, {"batch"}});
    program.inputs.push_back({"total_sequence_length", OnnxType::kInt32, {}});
  }
  std::variant<std::int64_t, std::string> rows = std::int64_t{1};
  if (options.all_logits) rows = "tokens";
  program.outputs.push_back({"logits", OnnxType::kFloat32, {"batch", rows, graph.vocab_size}});
  for (const Op& op : graph.ops) {
    const auto* attention = As<AttentionOp>(op);
    if (attention == nullptr) continue;
    const std::string past = options.shared_cache ? "capacity" : "past";
    const std::string present = options.shared_cache ? "capacity" : "total";
    const OnnxCacheNames names = CacheNamesOf(attention->layer);
    for (const int i : {0, 1}) {
      program.inputs.push_back(
          {names.past[i], type, {"batch", attention->n_kv_head, past, attention->d_head}});
      program.outputs.push_back(
          {names.present[i], type, {"batch", attention->n_kv_head, present, attention->d_head}});
    }
  }
}

OnnxStep WriteStep(OnnxWriter& writer) {
  const OnnxOptions& options = writer.options();
  const auto extent = [&](const Name& x, std::int64_t axis) {
    return writer.Add("Shape", {x}, {{"start", axis}, {"end", axis + 1}});
  };
  OnnxStep step;
  step.batch = extent("input_ids", 0);
  step.tokens = extent("input_ids", 1);
  if (options.shared_cache) {
    step.total = writer.Reshape(writer.Cast("total_sequence_length", OnnxType::kInt64), {1});
    step.past = writer.Add("Sub", {step.total, step.tokens});
    step.seqlens_k = "seqlens_k";
    step.total_sequence_length = "total_sequence_length";
  } else {
    step.past = extent(CacheNamesOf(0).past[0], 2);
    step.total = writer.Add("Add", {step.past, step.tokens});
    if (UsesGroupQueryAttention(writer.graph(), options)) {
      const Name last = writer.Add("Sub", {step.total, writer.Ints({1})});
      step.seqlens_k = writer.Add("Expand", {writer.Cast(last, OnnxType::kInt32), step.batch});
      step.total_sequence_length =
          writer.Cast(writer.Add("Squeeze", {step.total}), OnnxType::kInt32);
    }
  }
  step.positions = writer.Add("Range", {writer.Add("Squeeze", {step.past}),
                                        writer.Add("Squeeze", {step.total}), writer.Int(1)});
  return step;
}

}  // namespace

OnnxCacheNames CacheNamesOf(std::int64_t layer) {
  const auto name = [layer](const char* when, const char* part) {
    return fmt::format("{}.{}.{}", when, layer, part);
  };
  return {{name("past_key_values", "key"), name("past_key_values", "value")},
          {name("present", "key"), name("present", "value")}};
}

std::int64_t SizeOf(OnnxType type) {
  switch (type) {
    case OnnxType::kInt64:
      return 8;
    case OnnxType::kFloat32:
    case OnnxType::kInt32:
      return 4;
    case OnnxType::kFloat16:
      return 2;
    case OnnxType::kInt8:
      return 1;
  }
  return 0;
}

std::int64_t OnnxInitializer::bytes() const {
  std::int64_t total = SizeOf(type);
  for (const std::int64_t extent : shape) total = CheckedMul(total, extent);
  return total;
}

Availability SupportsOnnx(const Graph& graph, const OnnxOptions& options) {
  if (options.shared_cache && !options.fused) {
    return {false, "a shared cache needs ONNX Runtime's fused operators"};
  }
  if (options.opset < kFirstOnnxOpset || options.opset > kLastOnnxOpset) {
    return {false, fmt::format("ONNX export: got opset {}, expected {} to {}", options.opset,
                               kFirstOnnxOpset, kLastOnnxOpset)};
  }
  for (const Op& op : graph.ops) {
    if (const auto* embed = As<EmbedOp>(op); embed != nullptr && embed->clusters.size() != 1) {
      return {false, "ONNX export: adaptive embeddings are not supported"};
    }
    if (const auto* head = As<HeadOp>(op); head != nullptr && head->clusters.size() != 1) {
      return {false, "ONNX export: adaptive softmax is not supported"};
    }
    if (const auto* norm = As<NormOp>(op);
        norm != nullptr && norm->kind == NormKind::kLayerNorm && norm->gain == kNoTensor) {
      return {false, "ONNX export: a LayerNorm without a gain is not supported"};
    }
    const auto* attention = As<AttentionOp>(op);
    if (attention == nullptr) continue;
    if (attention->positions == PositionScheme::kRelativeXl) {
      return {false, "ONNX export: relative attention over a memory is not supported"};
    }
    if (options.shared_cache && !FitsGroupQueryAttention(*attention)) {
      return {false,
              fmt::format("ONNX export: layer {}: got d_head = {}, expected a multiple of 8 for "
                          "GroupQueryAttention",
                          attention->layer, attention->d_head)};
    }
  }
  return {};
}

OnnxProgram BuildOnnxProgram(const Graph& graph, const OnnxOptions& options) {
  if (const Availability supported = SupportsOnnx(graph, options); !supported.ok) {
    throw Error(ErrorCode::kUnsupported, supported.reason);
  }
  OnnxWriter writer(graph, options);
  DeclareInterface(writer);
  OnnxStep step = WriteStep(writer);
  std::vector<Name> values(static_cast<std::size_t>(graph.n_values));
  std::int64_t layer = -1;
  for (const Op& op : graph.ops) {
    const Name& input =
        op.input == kNoValue ? std::string() : values[static_cast<std::size_t>(op.input)];
    Name& output = values[static_cast<std::size_t>(op.output)];
    if (const auto* attention = As<AttentionOp>(op)) layer = attention->layer;
    writer.set_scope(layer < 0 ? "" : fmt::format("layers.{}", layer));
    if (const auto* embed = As<EmbedOp>(op)) {
      output = WriteEmbed(writer, step, *embed);
    } else if (const auto* norm = As<NormOp>(op)) {
      output = WriteNorm(writer, *norm, input);
    } else if (const auto* attention = As<AttentionOp>(op)) {
      output = WriteAttention(writer, step, *attention, input);
    } else if (const auto* feed_forward = As<FeedForwardOp>(op)) {
      output = WriteFeedForward(writer, *feed_forward, input);
    } else if (As<AddOp>(op) != nullptr) {
      output = writer.Add("Add", {input, values[static_cast<std::size_t>(op.input2)]});
    } else {
      writer.set_scope("head");
      output = WriteHead(writer, std::get<HeadOp>(op.attributes), input);
    }
  }
  writer.program().opset = options.opset;
  return writer.Take();
}

}  // namespace lts
