#include "lts/export/onnx_proto.h"

#include <fmt/format.h>
#include <onnx/checker.h>
#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <exception>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/base/version.h"

namespace lts {
namespace {

// The version of the file format that came with an opset, by ONNX's table of releases.
constexpr int IrVersion(int opset) {
  constexpr int kVersions[] = {8, 8, 9, 9, 10, 10, 11, 12, 13, 13};  // of 17, 18, ...
  static_assert(std::size(kVersions) == kLastOnnxOpset - kFirstOnnxOpset + 1);
  return kVersions[opset - kFirstOnnxOpset];
}

constexpr std::int64_t kProtobufLimit = std::numeric_limits<std::int32_t>::max();

void SetValue(const OnnxValue& value, onnx::ValueInfoProto* proto) {
  proto->set_name(value.name);
  onnx::TypeProto::Tensor* tensor = proto->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(static_cast<int>(value.type));
  onnx::TensorShapeProto* shape = tensor->mutable_shape();
  for (const auto& extent : value.shape) {
    if (const auto* number = std::get_if<std::int64_t>(&extent)) {
      shape->add_dim()->set_dim_value(*number);
    } else {
      shape->add_dim()->set_dim_param(std::get<std::string>(extent));
    }
  }
}

void SetNode(const OnnxNode& node, onnx::NodeProto* proto) {
  proto->set_name(node.outputs.front() + ":" + node.op);
  proto->set_op_type(node.op);
  if (!node.domain.empty()) proto->set_domain(node.domain);
  for (const std::string& input : node.inputs) proto->add_input(input);
  for (const std::string& output : node.outputs) proto->add_output(output);
  for (const OnnxAttribute& attribute : node.attributes) {
    onnx::AttributeProto* out = proto->add_attribute();
    out->set_name(attribute.name);
    if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) {
      out->set_type(onnx::AttributeProto::INT);
      out->set_i(*number);
    } else if (const auto* real = std::get_if<float>(&attribute.value)) {
      out->set_type(onnx::AttributeProto::FLOAT);
      out->set_f(*real);
    } else {
      out->set_type(onnx::AttributeProto::INTS);
      for (const std::int64_t one : std::get<std::vector<std::int64_t>>(attribute.value)) {
        out->add_ints(one);
      }
    }
  }
}

// Everything but the weights.
onnx::ModelProto MakeModel(const OnnxProgram& program) {
  onnx::ModelProto model;
  model.set_ir_version(IrVersion(program.opset));
  model.set_producer_name("lts");
  model.set_producer_version(kVersion);
  onnx::OperatorSetIdProto* opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(program.opset);
  if (program.uses_ort_domain) {
    opset = model.add_opset_import();
    opset->set_domain(kOrtDomain);
    opset->set_version(1);
  }
  onnx::GraphProto* graph = model.mutable_graph();
  graph->set_name("decoder");
  for (const OnnxNode& node : program.nodes) SetNode(node, graph->add_node());
  for (const OnnxConstant& constant : program.constants) {
    onnx::TensorProto* tensor = graph->add_initializer();
    tensor->set_name(constant.name);
    tensor->set_data_type(static_cast<int>(constant.type));
    for (const std::int64_t extent : constant.shape) tensor->add_dims(extent);
    tensor->set_raw_data(constant.bytes);
  }
  for (const OnnxValue& value : program.inputs) SetValue(value, graph->add_input());
  for (const OnnxValue& value : program.outputs) SetValue(value, graph->add_output());
  for (const OnnxValue& value : program.inner) SetValue(value, graph->add_value_info());
  return model;
}

// Name, type and shape, and for external data its place; no values.
void DeclareWeight(const OnnxInitializer& weight, const std::string& file, std::int64_t offset,
                   onnx::TensorProto* tensor) {
  tensor->set_name(weight.name);
  tensor->set_data_type(static_cast<int>(weight.type));
  for (const std::int64_t extent : weight.shape) tensor->add_dims(extent);
  if (file.empty()) return;
  tensor->set_data_location(onnx::TensorProto::EXTERNAL);
  const auto set = [tensor](const char* key, const std::string& value) {
    onnx::StringStringEntryProto* entry = tensor->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  };
  set("location", file);
  set("offset", fmt::format("{}", offset));
  set("length", fmt::format("{}", weight.bytes()));
}

std::int64_t VarintSize(std::int64_t value) {
  std::int64_t size = 1;
  for (; value >= 128; value >>= 7) ++size;
  return size;
}

// A length-delimited field whose number is below 16: tag, length, contents.
std::int64_t FieldSize(std::int64_t contents) { return 1 + VarintSize(contents) + contents; }

}  // namespace

std::int64_t ExternalOffset(std::int64_t end_of_last) {
  return (end_of_last + kExternalAlignment - 1) / kExternalAlignment * kExternalAlignment;
}

std::int64_t OnnxSize(const OnnxProgram& program, const std::string& external_file) {
  onnx::ModelProto model = MakeModel(program);
  auto graph = static_cast<std::int64_t>(model.graph().ByteSizeLong());
  model.clear_graph();
  std::int64_t end = 0;
  for (const OnnxInitializer& weight : program.weights) {
    onnx::TensorProto tensor;
    const std::int64_t offset = ExternalOffset(end);
    DeclareWeight(weight, external_file, offset, &tensor);
    auto size = static_cast<std::int64_t>(tensor.ByteSizeLong());
    if (external_file.empty()) size += FieldSize(weight.bytes());
    graph += FieldSize(size);
    end = offset + weight.bytes();
  }
  return static_cast<std::int64_t>(model.ByteSizeLong()) + FieldSize(graph);
}

std::string SerializeOnnx(const OnnxProgram& program, const OnnxWeightPlace& place) {
  const std::int64_t size = OnnxSize(program, place.file);
  if (size > kProtobufLimit) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("ONNX export: the model takes {} bytes, expected at most {}; keep its "
                            "weights in external data",
                            size, kProtobufLimit));
  }
  onnx::ModelProto model = MakeModel(program);
  std::int64_t end = 0;
  for (const OnnxInitializer& weight : program.weights) {
    onnx::TensorProto* tensor = model.mutable_graph()->add_initializer();
    const std::int64_t offset = ExternalOffset(end);
    DeclareWeight(weight, place.file, offset, tensor);
    if (place.file.empty()) tensor->set_raw_data(place.encode(weight));
    end = offset + weight.bytes();
  }
  std::string bytes;
  if (!model.SerializeToString(&bytes)) {
    throw Error(ErrorCode::kOutOfMemory, "ONNX export: the model cannot be serialized");
  }
  LTS_CHECK(std::ssize(bytes) == size);
  return bytes;
}

void CheckOnnx(const OnnxProgram& program) {
  // Weights become inputs of the same type: their values do not matter to the checks.
  onnx::ModelProto model = MakeModel(program);
  for (const OnnxInitializer& weight : program.weights) {
    SetValue({weight.name, weight.type, {weight.shape.begin(), weight.shape.end()}},
             model.mutable_graph()->add_input());
  }
  try {
    onnx::checker::check_model(model);
    // Strict and with types checked; ONNX Runtime's operators have no schema here and are skipped.
    const onnx::ShapeInferenceOptions options(/*check_type_val=*/true, /*strict_mode_val=*/1,
                                              /*data_prop_val=*/true);
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), options);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("ONNX export: ONNX's checker refuses the model: {}",
                            Quoted(error.what(), 400)));
  }
}

}  // namespace lts
