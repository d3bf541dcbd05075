#include <fmt/format.h>

#include <string>
#include <utility>

#include "lts/base/aligned_buffer.h"
#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/export/onnx.h"
#include "lts/export/onnx_program.h"
#include "lts/export/onnx_proto.h"
#include "lts/export/onnx_weights.h"

namespace lts {
namespace {

constexpr const char* kSkeletonFile = "weights";

std::int64_t WeightBytes(const OnnxProgram& program) {
  std::int64_t total = 0;
  for (const OnnxInitializer& weight : program.weights) {
    total = CheckedAdd(total, weight.bytes());
  }
  return total;
}

std::int64_t ExternalBytes(const OnnxProgram& program) {
  std::int64_t end = 0;
  for (const OnnxInitializer& weight : program.weights) {
    end = CheckedAdd(ExternalOffset(end), weight.bytes());
  }
  return end;
}

void WriteExternalData(const Model& model, const OnnxProgram& program, AtomicFile& file) {
  std::int64_t end = 0;
  for (const OnnxInitializer& weight : program.weights) {
    const std::int64_t offset = ExternalOffset(end);
    file.Write(std::string(static_cast<std::size_t>(offset - end), '\0'));
    file.Write(EncodeWeight(model, weight));
    end = offset + weight.bytes();
  }
}

}  // namespace

OnnxSkeleton BuildOnnxSkeleton(const Graph& graph, const OnnxOptions& options) {
  if (options.dtype != OnnxDType::kFloat32) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("ONNX skeleton: got dtype '{}', expected 'f32'",
                            kOnnxDTypes.Name(options.dtype)));
  }
  const OnnxProgram program = BuildOnnxProgram(graph, options);
  OnnxSkeleton skeleton;
  skeleton.model = SerializeOnnx(program, {kSkeletonFile, {}});
  for (const OnnxInitializer& weight : program.weights) {
    skeleton.weights.push_back({weight.name, weight.shape, weight.tensor});
  }
  return skeleton;
}

OnnxFileResult ExportOnnx(const Model& model, const std::filesystem::path& path,
                          const OnnxFileOptions& options) {
  const OnnxProgram program = BuildOnnxProgram(model.graph(), options.onnx);
  OnnxOptions checked = options.onnx;
  checked.opset = kFirstOnnxOpset;
  CheckOnnx(BuildOnnxProgram(model.graph(), checked));
  OnnxFileResult result;
  if (WeightBytes(program) <= options.inline_weight_limit) {
    // Two copies at the worst: the message and its bytes.
    const std::int64_t need = CheckedMul(OnnxSize(program, ""), 2);
    if (need > AvailableMemoryBytes()) {
      throw Error(ErrorCode::kOutOfMemory,
                  fmt::format("{}: writing takes about {} MiB of memory, {} MiB are available",
                              path.string(), need >> 20, AvailableMemoryBytes() >> 20));
    }
    const std::string bytes = SerializeOnnx(program, {"", [&model](const OnnxInitializer& weight) {
                                                        return EncodeWeight(model, weight);
                                                      }});
    WriteFileAtomic(path.string(), bytes);
    result.model_bytes = std::ssize(bytes);
    return result;
  }
  const std::string data = path.filename().string() + "_data";
  const std::string bytes = SerializeOnnx(program, {data, {}});
  AtomicFile data_file((path.parent_path() / data).string());
  AtomicFile model_file(path.string());
  WriteExternalData(model, program, data_file);
  model_file.Write(bytes);
  // The model last: whoever sees it finds its data.
  data_file.Commit();
  model_file.Commit();
  result.model_bytes = std::ssize(bytes);
  result.data_bytes = ExternalBytes(program);
  return result;
}

std::int64_t OnnxFileBytes(const Graph& graph, const OnnxFileOptions& options) {
  const OnnxProgram program = BuildOnnxProgram(graph, options.onnx);
  if (WeightBytes(program) <= options.inline_weight_limit) return OnnxSize(program, "");
  // The name of the data file is part of the model: the name that `lts export` gives by default.
  return CheckedAdd(OnnxSize(program, "model.onnx_data"), ExternalBytes(program));
}

}  // namespace lts
