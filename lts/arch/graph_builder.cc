#include "lts/arch/graph_builder.h"

#include <fmt/format.h>

#include <algorithm>

namespace lts {

GraphBuilder::GraphBuilder(const Architecture& architecture, std::size_t tensors, std::size_t ops) {
  graph_.d_model = architecture.d_model();
  graph_.vocab_size = architecture.vocab_size();
  graph_.max_seq_len = architecture.max_seq_len();
  graph_.n_layer = architecture.n_layer();
  graph_.tensors.reserve(tensors);
  graph_.ops.reserve(ops);
}

void GraphBuilder::BeginLayer(std::int64_t layer) {
  const fmt::format_int digits(layer);
  prefix_ = "layers.";
  prefix_.append(digits.data(), digits.size());
  prefix_ += '.';
}

void GraphBuilder::EndLayers() { prefix_.clear(); }

TensorSpec& GraphBuilder::Declare(std::string_view name, TensorRole role) {
  TensorSpec& tensor = graph_.tensors.emplace_back();
  tensor.name.reserve(prefix_.size() + name.size());
  tensor.name += prefix_;
  tensor.name += name;
  tensor.role = role;
  return tensor;
}

TensorId GraphBuilder::Matrix(std::string_view name, std::int64_t rows, std::int64_t columns,
                              TensorRole role, float std) {
  TensorSpec& tensor = Declare(name, role);
  tensor.shape = {rows, columns};
  tensor.init = {TensorInit::Kind::kNormal, std};
  return static_cast<TensorId>(graph_.tensors.size()) - 1;
}

TensorId GraphBuilder::Bias(std::string_view name, std::int64_t count, TensorRole role) {
  Declare(name, role).shape = {count};
  return static_cast<TensorId>(graph_.tensors.size()) - 1;
}

TensorId GraphBuilder::Gain(std::string_view name, std::int64_t count) {
  TensorSpec& tensor = Declare(name, TensorRole::kNorm);
  tensor.shape = {count};
  tensor.init = {TensorInit::Kind::kOne, 0.0F};
  return static_cast<TensorId>(graph_.tensors.size()) - 1;
}

Graph GraphBuilder::Head(HeadOp op, ValueId x) && {
  Append(std::move(op), x, kNoValue);
  return std::move(graph_);
}

}  // namespace lts
