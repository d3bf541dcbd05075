#include "lts/export/onnx_writer.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <utility>

#include "lts/export/onnx_weights.h"

namespace lts {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX stores little-endian values");

template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

}  // namespace

Name OnnxWriter::Fresh(std::string_view op) {
  const std::string base =
      scope_.empty() ? fmt::format("/{}", op) : fmt::format("/{}/{}", scope_, op);
  const int count = taken_[base]++;
  return count == 0 ? base : fmt::format("{}_{}", base, count);
}

void OnnxWriter::AddNode(OnnxNode node) {
  program_.uses_ort_domain = program_.uses_ort_domain || !node.domain.empty();
  program_.nodes.push_back(std::move(node));
}

Name OnnxWriter::Add(std::string_view op, std::vector<Name> inputs,
                     std::vector<OnnxAttribute> attributes, Name output) {
  if (output.empty()) output = Fresh(op);
  AddNode({std::string(op), "", std::move(inputs), {output}, std::move(attributes)});
  return output;
}

Name OnnxWriter::AddOrt(std::string_view op, std::vector<Name> inputs, std::int64_t width) {
  const Name output = Fresh(op);
  AddNode({std::string(op), kOrtDomain, std::move(inputs), {output}, {}});
  DeclareHidden(output, width);
  return output;
}

void OnnxWriter::DeclareHidden(const Name& name, std::int64_t width) {
  program_.inner.push_back({name, compute_type(), {"batch", "tokens", width}});
}

Name OnnxWriter::Constant(OnnxType type, std::vector<std::int64_t> shape, std::string bytes) {
  std::string key = fmt::format("{}:", static_cast<int>(type));
  for (const std::int64_t extent : shape) key += fmt::format("{},", extent);
  const auto [found, added] = constants_.try_emplace(key + ":" + bytes, "");
  if (added) {
    found->second = fmt::format("constants.{}", program_.constants.size());
    program_.constants.push_back({found->second, type, std::move(shape), std::move(bytes)});
  }
  return found->second;
}

Name OnnxWriter::Ints(const std::vector<std::int64_t>& values) {
  return Constant(OnnxType::kInt64, {std::ssize(values)}, BytesOf(values));
}

Name OnnxWriter::Int(std::int64_t value) {
  return Constant(OnnxType::kInt64, {}, BytesOf(std::vector{value}));
}

Name OnnxWriter::Float(float value) {
  if (compute_type() == OnnxType::kFloat16) {
    return Constant(OnnxType::kFloat16, {}, BytesOf(std::vector{Float16Bits(value)}));
  }
  return Constant(OnnxType::kFloat32, {}, BytesOf(std::vector{value}));
}

Name OnnxWriter::Float32(const std::vector<float>& values) {
  return Constant(OnnxType::kFloat32, {std::ssize(values)}, BytesOf(values));
}

Name OnnxWriter::Weight(TensorId tensor) {
  const auto [found, added] = weights_.try_emplace({tensor, 0}, "");
  if (added) {
    const TensorSpec& spec = graph_.tensors[static_cast<std::size_t>(tensor)];
    found->second = spec.name;
    program_.weights.push_back({spec.name,
                                compute_type(),
                                {spec.shape.begin(), spec.shape.end()},
                                tensor,
                                OnnxInitializer::Content::kValues,
                                false});
  }
  return found->second;
}

OnnxWriter::Quantized OnnxWriter::QuantizedWeight(TensorId tensor, bool scale_per_row) {
  const TensorSpec& spec = graph_.tensors[static_cast<std::size_t>(tensor)];
  const char* const channel = scale_per_row ? "_by_row" : "";
  const Quantized names{fmt::format("{}_quantized{}", spec.name, channel),
                        fmt::format("{}_scale{}", spec.name, channel)};
  const auto [found, added] = weights_.try_emplace({tensor, scale_per_row ? 1 : 2}, names.values);
  if (added) {
    program_.weights.push_back({names.values,
                                OnnxType::kInt8,
                                {spec.shape.begin(), spec.shape.end()},
                                tensor,
                                OnnxInitializer::Content::kQuantized,
                                scale_per_row});
    program_.weights.push_back({names.scales,
                                OnnxType::kFloat32,
                                {scale_per_row ? spec.shape[0] : spec.shape[1]},
                                tensor,
                                OnnxInitializer::Content::kScales,
                                scale_per_row});
  }
  return names;
}

Name OnnxWriter::QuantizedProduct(const Name& x, const Name& matrix, const Name& scales) {
  // One scale and zero point for all of x; ONNX Runtime fuses the three nodes behind it.
  const Name x8 = Fresh("DynamicQuantizeLinear");
  const Name x_scale = x8 + ".scale";
  const Name x_zero = x8 + ".zero_point";
  AddNode({"DynamicQuantizeLinear", "", {x}, {x8, x_scale, x_zero}, {}});
  const Name product = Add("MatMulInteger", {x8, matrix, x_zero});
  return Add("Mul", {Cast(product, OnnxType::kFloat32), Add("Mul", {x_scale, scales})});
}

Name OnnxWriter::Linear(const Name& x, TensorId weight, TensorId bias) {
  Name y;
  if (options_.dtype == OnnxDType::kInt8) {
    const Quantized w = QuantizedWeight(weight, /*scale_per_row=*/false);
    y = QuantizedProduct(x, w.values, w.scales);
  } else {
    y = Add("MatMul", {x, Weight(weight)});
  }
  return bias == kNoTensor ? y : Add("Add", {y, Weight(bias)});
}

Name OnnxWriter::LinearTransposed(const Name& x, TensorId table) {
  if (options_.dtype == OnnxDType::kInt8) {
    const Quantized w = QuantizedWeight(table, /*scale_per_row=*/true);
    return QuantizedProduct(x, Transpose(w.values, {1, 0}), w.scales);
  }
  // Gemm transposes as it goes, so the table of a tied embedding is there once. It wants two
  // dimensions.
  const TensorShape& shape = graph_.tensors[static_cast<std::size_t>(table)].shape;
  const Name rows = Reshape(x, {-1, shape[1]});
  const Name y = Add("Gemm", {rows, Weight(table)}, {{"transB", std::int64_t{1}}});
  const Name leading = Add("Shape", {x}, {{"start", std::int64_t{0}}, {"end", std::int64_t{2}}});
  return Add("Reshape",
             {y, Add("Concat", {leading, Ints({shape[0]})}, {{"axis", std::int64_t{0}}})});
}

}  // namespace lts
