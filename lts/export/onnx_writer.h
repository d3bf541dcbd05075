// Appends nodes to an OnnxProgram: names values, holds each constant and each weight once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lts/export/onnx_program.h"

namespace lts {

using Name = std::string;  // of an ONNX value

class OnnxWriter {
 public:
  OnnxWriter(const Graph& graph, const OnnxOptions& options) : graph_(graph), options_(options) {}

  const Graph& graph() const { return graph_; }
  const OnnxOptions& options() const { return options_; }
  OnnxProgram Take() { return std::move(program_); }
  OnnxProgram& program() { return program_; }
  // Type of hidden values, cache and unquantised weights.
  OnnxType compute_type() const {
    return options_.dtype == OnnxDType::kFloat16 ? OnnxType::kFloat16 : OnnxType::kFloat32;
  }
  // Values get names "<scope>/<op>" with a number where that is taken.
  void set_scope(std::string scope) { scope_ = std::move(scope); }

  // A node with one output, whose name is returned; `output` names it where the name matters.
  Name Add(std::string_view op, std::vector<Name> inputs,
           std::vector<OnnxAttribute> attributes = {}, Name output = "");
  // One of ONNX Runtime's operators, its (first) output a hidden value [B, T, width].
  Name AddOrt(std::string_view op, std::vector<Name> inputs, std::int64_t width);
  // Says that `name` is a hidden value [B, T, width].
  void DeclareHidden(const Name& name, std::int64_t width);
  // A node with several outputs; "" leaves one out.
  void AddNode(OnnxNode node);
  Name Fresh(std::string_view op);

  Name Ints(const std::vector<std::int64_t>& values);  // int64 [n]
  Name Int(std::int64_t value);                        // int64 []
  Name Float(float value);                             // compute_type [], rounded to it
  Name Float32(const std::vector<float>& values);      // float32 [n]

  // The tensor in compute_type, of its own shape.
  Name Weight(TensorId tensor);
  // The tensor as int8 with one scale for each column, or row.
  struct Quantized {
    Name values;  // int8, the tensor's shape
    Name scales;  // float32 [rows] or [columns]
  };
  Quantized QuantizedWeight(TensorId tensor, bool scale_per_row);

  Name Reshape(const Name& x, const std::vector<std::int64_t>& shape) {
    return Add("Reshape", {x, Ints(shape)});
  }
  Name Transpose(const Name& x, const std::vector<std::int64_t>& permutation) {
    return Add("Transpose", {x}, {{"perm", permutation}});
  }
  Name Cast(const Name& x, OnnxType type) {
    return Add("Cast", {x}, {{"to", static_cast<std::int64_t>(type)}});
  }
  // x [B, T, in] weight [in, out] + bias: the product in the dtype of the options.
  Name Linear(const Name& x, TensorId weight, TensorId bias);
  // x [.., in] times the transpose of table [out, in].
  Name LinearTransposed(const Name& x, TensorId table);

 private:
  Name Constant(OnnxType type, std::vector<std::int64_t> shape, std::string bytes);
  // x int8-quantised times an int8 matrix [in, out] with `scales` [out], in float32.
  Name QuantizedProduct(const Name& x, const Name& matrix, const Name& scales);

  const Graph& graph_;
  const OnnxOptions& options_;
  OnnxProgram program_;
  std::string scope_;
  std::map<std::string, int> taken_;
  std::map<std::pair<TensorId, int>, Name> weights_;
  std::map<std::string, Name> constants_;  // by type, shape and bytes
};

// What every layer needs to know of the step, computed once at the front of the graph.
struct OnnxStep {
  Name batch;      // int64 [1]: B
  Name tokens;     // int64 [1]: T
  Name past;       // int64 [1]: P
  Name total;      // int64 [1]: P + T
  Name positions;  // int64 [T]: P, P + 1, ...
  // As GroupQueryAttention wants them, where it is used: int32 [B] and int32 [].
  Name seqlens_k;
  Name total_sequence_length;
  Name mask;  // compute type [T, P + T]: 0 or the least finite number; made on first use
};

// onnx_attention.cc. Does `op` meet the conditions of GroupQueryAttention?
bool FitsGroupQueryAttention(const AttentionOp& op);
Name WriteAttention(OnnxWriter& writer, OnnxStep& step, const AttentionOp& op, const Name& x);

// onnx_ops.cc
Name WriteEmbed(OnnxWriter& writer, const OnnxStep& step, const EmbedOp& op);
Name WriteNorm(OnnxWriter& writer, const NormOp& op, const Name& x);
Name WriteFeedForward(OnnxWriter& writer, const FeedForwardOp& op, const Name& x);
Name WriteHead(OnnxWriter& writer, const HeadOp& op, const Name& x);

}  // namespace lts
