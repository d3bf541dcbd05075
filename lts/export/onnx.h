// A decoder as an ONNX model: what `lts export` writes and what the onnxruntime runtime loads.
//
// Interprets the graph of any backbone. Inputs and outputs have the names and shapes that Hugging
// Face Optimum gives decoders with past, so its tools run the file (B batch, T new tokens, P tokens
// of the past; all three are dynamic):
//
//   input_ids                    int64 [B, T]
//   past_key_values.{i}.key      [B, n_kv_head_i, P, d_head_i], .value alike, i = 0..n_layer-1
//   logits                       float32 [B, 1, V] (last position) or [B, T, V]
//   present.{i}.key              [B, n_kv_head_i, P + T, d_head_i], .value alike
//
// The plain variant uses standard operators only. The fused one uses ONNX Runtime's
// GroupQueryAttention and FastGelu where their conditions hold; not its SkipLayerNormalization,
// which is slower than the Add and the LayerNormalization that it stands for (docs/onnx.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lts/arch/graph.h"
#include "lts/arch/model.h"
#include "lts/base/dtype.h"
#include "lts/base/enum_table.h"
#include "lts/base/error.h"

namespace lts {

// kFloat16: weights, activations and cache. kInt8: matrices per output channel, activations
// quantised dynamically per step; token tables per row; positions, norms, biases and cache float32.
enum class OnnxDType { kFloat32, kFloat16, kInt8 };
inline constexpr EnumTable<OnnxDType, 3> kOnnxDTypes{
    "dtype",
    {{{OnnxDType::kFloat32, "f32"}, {OnnxDType::kFloat16, "f16"}, {OnnxDType::kInt8, "int8"}}}};

// What an engine's dtype corresponds to in a file: 16 bits are float16 there.
constexpr OnnxDType OnnxDTypeOf(DType dtype) {
  return dtype == DType::kFloat32    ? OnnxDType::kFloat32
         : dtype == DType::kBFloat16 ? OnnxDType::kFloat16
                                     : OnnxDType::kInt8;
}

// Versions of the standard operators that a model may ask for. 17 is the first with
// LayerNormalization; the last is the newest that was tried (tools/check_onnx_opsets.py). The
// operators are the same in all, with the same meaning.
inline constexpr int kFirstOnnxOpset = 17;
inline constexpr int kLastOnnxOpset = 26;

struct OnnxOptions {
  OnnxDType dtype = OnnxDType::kFloat32;
  bool fused = false;       // ONNX Runtime's own operators
  bool all_logits = false;  // of every new position instead of the last
  // Only with `fused`, for engines rather than files: every past is a buffer of fixed length [B,
  // n_kv_head, capacity, d_head] that its present shares, so new keys and values are written in
  // place. Two more inputs say where: seqlens_k int32 [B] (tokens in context after the step, less
  // one) and total_sequence_length int32 [] (tokens in context after the step).
  bool shared_cache = false;
  int opset = kFirstOnnxOpset;  // .. kLastOnnxOpset
};

// Can this graph be written with these options, and if not, why? Never throws.
Availability SupportsOnnx(const Graph& graph, const OnnxOptions& options);

// What a layer's keys [0] and values [1] are called: as input, "past_key_values.3.key", and as
// output, "present.3.key".
struct OnnxCacheNames {
  std::string past[2];
  std::string present[2];
};
OnnxCacheNames CacheNamesOf(std::int64_t layer);

// A weight that lies outside the serialized model: float32, row-major, exactly
// Graph::tensors[tensor].
struct OnnxWeight {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorId tensor = kNoTensor;
};

// A ModelProto without its weights: they are declared as external data of the file "weights" and
// must be handed over beside it (ONNX Runtime: AddExternalInitializers).
struct OnnxSkeleton {
  std::string model;  // serialized
  std::vector<OnnxWeight> weights;
};

// float32 only. 1 to 2 ms for 12 layers (onnx_bench). Throws kUnsupported with SupportsOnnx()'s
// reason.
OnnxSkeleton BuildOnnxSkeleton(const Graph& graph, const OnnxOptions& options);

// Writes `path`, and beside it `path` + "_data" when the weights take more than
// `inline_weight_limit` bytes (a protobuf message ends at 2 GiB). A file appears whole or not at
// all, the model after its data. Checked by ONNX's own checker and shape inference before anything
// is written; Debian's know opset 17, so a newer one is checked as what it would be in 17. Throws
// kUnsupported, kIo, kOutOfMemory.
struct OnnxFileOptions {
  OnnxOptions onnx;
  std::int64_t inline_weight_limit = std::int64_t{2000} << 20;
};
struct OnnxFileResult {
  std::int64_t model_bytes = 0;
  std::int64_t data_bytes = 0;  // of the file beside it; 0: none
};
OnnxFileResult ExportOnnx(const Model& model, const std::filesystem::path& path,
                          const OnnxFileOptions& options);

// The bytes that ExportOnnx would write to "model.onnx", exactly, without weights. 1 to 2 ms
// for 12 layers (onnx_bench). Throws kUnsupported.
std::int64_t OnnxFileBytes(const Graph& graph, const OnnxFileOptions& options);

}  // namespace lts
