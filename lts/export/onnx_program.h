// An ONNX graph before it becomes protobuf: nodes, small constants, weights by reference. Keeps
// protobuf's headers out of everything but one file and lets tests look at what was built.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "lts/arch/graph.h"
#include "lts/export/onnx.h"

namespace lts {

// The numbers are TensorProto::DataType's.
enum class OnnxType { kFloat32 = 1, kInt8 = 3, kInt32 = 6, kInt64 = 7, kFloat16 = 10 };
std::int64_t SizeOf(OnnxType type);

struct OnnxAttribute {
  std::string name;
  std::variant<std::int64_t, float, std::vector<std::int64_t>> value;
};

struct OnnxNode {
  std::string op;
  std::string domain;  // "" or kOrtDomain
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<OnnxAttribute> attributes;
};

// A small initializer that is computed here and not read from the model.
struct OnnxConstant {
  std::string name;
  OnnxType type = OnnxType::kInt64;
  std::vector<std::int64_t> shape;
  std::string bytes;  // little-endian, row-major
};

// An initializer made of one tensor of the model. kQuantized: int8 with one scale for each output
// channel (a column of a matrix, a row of a token table); kScales: those scales, float32.
struct OnnxInitializer {
  enum class Content { kValues, kQuantized, kScales };
  std::string name;
  OnnxType type = OnnxType::kFloat32;
  std::vector<std::int64_t> shape;
  TensorId tensor = kNoTensor;
  Content content = Content::kValues;
  bool scale_per_row = false;  // of kQuantized and kScales
  std::int64_t bytes() const;
};

// A graph input or output. A dimension is a number or the name of a dynamic one.
struct OnnxValue {
  std::string name;
  OnnxType type = OnnxType::kFloat32;
  std::vector<std::variant<std::int64_t, std::string>> shape;
};

struct OnnxProgram {
  std::vector<OnnxNode> nodes;  // in an order that can be executed
  std::vector<OnnxConstant> constants;
  std::vector<OnnxInitializer> weights;  // each tensor once per content
  std::vector<OnnxValue> inputs;
  std::vector<OnnxValue> outputs;
  // Types of what ONNX Runtime's operators give: ONNX's shape inference does not know those.
  std::vector<OnnxValue> inner;
  bool uses_ort_domain = false;
  int opset = kFirstOnnxOpset;
};

inline constexpr const char* kOrtDomain = "com.microsoft";

// Throws kUnsupported with SupportsOnnx()'s reason.
OnnxProgram BuildOnnxProgram(const Graph& graph, const OnnxOptions& options);

}  // namespace lts
