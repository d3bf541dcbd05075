// OnnxProgram <-> protobuf, and ONNX's own checks. The only file that sees protobuf.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lts/export/onnx_program.h"

namespace lts {

// Where the bytes of weights are.
struct OnnxWeightPlace {
  std::string file;  // of external data, relative to the model; "": inside the model
  // Inside: a weight's bytes. Not called for external data.
  std::function<std::string(const OnnxInitializer&)> encode;
};

// Weights in external data lie one after the other in the order of program.weights, each from a
// multiple of this (ONNX suggests a page, so that it can be mapped).
inline constexpr std::int64_t kExternalAlignment = 4096;
std::int64_t ExternalOffset(std::int64_t end_of_last);

// The serialized ModelProto. Throws kUnsupported when it would exceed protobuf's 2 GiB.
std::string SerializeOnnx(const OnnxProgram& program, const OnnxWeightPlace& place);

// The length of what SerializeOnnx would give, without encoding a weight.
std::int64_t OnnxSize(const OnnxProgram& program, const std::string& external_file);

// onnx::checker and strict shape inference, on the nodes and types alone, of a program of opset 17:
// the library need not know a newer one. Throws kInvalidArgument with ONNX's words: a defect of
// ours, found before anything is written.
void CheckOnnx(const OnnxProgram& program);

}  // namespace lts
