// What backbones write their graphs with: names tensors, numbers values. Tensors and ops are
// numbered in the order of the calls, so a backbone must not leave that order to the compiler (two
// calls in one argument list).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "lts/arch/graph.h"

namespace lts {

class GraphBuilder {
 public:
  // The numbers of tensors and ops, about right, save reallocations.
  GraphBuilder(const Architecture& architecture, std::size_t tensors, std::size_t ops);

  // Tensors declared from here on are called "layers.<layer>.<name>"; after EndLayers just "<name>"
  // again.
  void BeginLayer(std::int64_t layer);
  void EndLayers();

  // A tensor of shape [rows, columns], drawn from N(0, std).
  TensorId Matrix(std::string_view name, std::int64_t rows, std::int64_t columns, TensorRole role,
                  float std);
  // A tensor of shape [count], initially zero.
  TensorId Bias(std::string_view name, std::int64_t count, TensorRole role);
  // A tensor of shape [count] and role kNorm, initially one.
  TensorId Gain(std::string_view name, std::int64_t count);

  ValueId Embed(EmbedOp op) { return Append(std::move(op), kNoValue, kNoValue); }
  ValueId Norm(const NormOp& op, ValueId x) { return Append(op, x, kNoValue); }
  ValueId Attention(const AttentionOp& op, ValueId x) { return Append(op, x, kNoValue); }
  ValueId FeedForward(const FeedForwardOp& op, ValueId x) { return Append(op, x, kNoValue); }
  ValueId Add(ValueId x, ValueId y) { return Append(AddOp{}, x, y); }
  // The last op.
  Graph Head(HeadOp op, ValueId x) &&;

 private:
  template <typename Attributes>
  ValueId Append(Attributes attributes, ValueId input, ValueId input2) {
    graph_.ops.push_back(Op{std::move(attributes), input, input2, graph_.n_values});
    return graph_.n_values++;
  }
  TensorSpec& Declare(std::string_view name, TensorRole role);

  Graph graph_;
  std::string prefix_;
};

}  // namespace lts
