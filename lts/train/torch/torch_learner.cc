#include "lts/train/torch/torch_learner.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "lts/base/error.h"
#include "lts/train/torch/decoder-inl.h"

namespace lts::torch_engine {
namespace {

// Values of one task of the optimizer: 4 arrays of 64 KiB, which is what a second-level cache holds
// and enough to make a task's start free. Sums are made of such blocks in order, so that they do
// not depend on the number of threads.
constexpr std::int64_t kBlock = 1 << 14;

std::span<float> Values(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

// Calls body(block, offset, count) for the blocks of [0, count), on all threads.
template <typename Body>
void ForBlocks(std::int64_t count, const Body& body) {
  const std::int64_t blocks = (count + kBlock - 1) / kBlock;
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      body(i, i * kBlock, std::min(kBlock, count - i * kBlock));
    }
  });
}

class TorchLearner final : public Learner {
 public:
  TorchLearner(const Model& model, const LearnerOptions& options)
      : options_(options), graph_(model.graph()), decoder_(graph_) {
    for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
      const TensorShape& shape = graph_.tensors[i].shape;
      const at::IntArrayRef sizes(shape.begin(), shape.size());
      weights_.push_back(at::empty(sizes, at::kFloat));
      Write(LearnerPart::kWeight, static_cast<TensorId>(i), model.tensor(static_cast<TensorId>(i)));
      weights_.back().requires_grad_(true);
      first_.push_back(at::zeros(sizes, at::kFloat));
      second_.push_back(at::zeros(sizes, at::kFloat));
    }
  }

  const Graph& graph() const override { return graph_; }

  double Accumulate(std::span<const std::int32_t> tokens, std::int64_t batch, double weight,
                    std::uint64_t seed) override {
    const auto [inputs, targets] = Split(tokens, batch);
    const bool drops = options_.dropout > 0 || options_.attention_dropout > 0;
    if (drops) ::torch::manual_seed(seed);
    const at::Tensor loss = decoder_.Loss(weights_, inputs, targets,
                                          {.bfloat16 = options_.dtype == DType::kBFloat16,
                                           .dropout = options_.dropout,
                                           .attention_dropout = options_.attention_dropout});
    loss.backward(at::full({}, weight, at::kFloat));
    return static_cast<double>(loss.item<float>());
  }

  double Update(double learning_rate, std::int64_t step) override {
    const double norm = std::sqrt(GradientSquares());
    if (std::isfinite(norm)) {
      for (std::size_t i = 0; i < weights_.size(); ++i) {
        if (!weights_[i].grad().defined()) continue;
        UpdateTensor(i, {.learning_rate = learning_rate,
                         .step = step,
                         .gradient_scale = ClipScale(norm, options_.optimizer.clip_norm),
                         .decays = graph_.tensors[i].shape.size() == 2});
      }
    }
    for (at::Tensor& weight : weights_) weight.mutable_grad().reset();
    return norm;
  }

  double Loss(std::span<const std::int32_t> tokens, std::int64_t batch) override {
    const at::NoGradGuard no_grad;
    const auto [inputs, targets] = Split(tokens, batch);
    const at::Tensor loss =
        decoder_.Loss(weights_, inputs, targets, {.bfloat16 = options_.dtype == DType::kBFloat16});
    return static_cast<double>(loss.item<float>());
  }

  void Read(LearnerPart part, TensorId id, std::span<float> values) const override {
    const at::Tensor tensor = Part(part, id);
    if (!tensor.defined()) {  // no gradient yet
      std::fill(values.begin(), values.end(), 0.0F);
      return;
    }
    LTS_CHECK(std::ssize(values) == tensor.numel());
    const std::span<const float> from = Values(tensor.contiguous());
    std::copy(from.begin(), from.end(), values.begin());
  }

  void Write(LearnerPart part, TensorId id, std::span<const float> values) override {
    LTS_CHECK(part != LearnerPart::kGradient);
    const std::span<float> to = Values(Part(part, id));
    LTS_CHECK(values.size() == to.size());
    std::copy(values.begin(), values.end(), to.begin());
  }

 private:
  at::Tensor Part(LearnerPart part, TensorId id) const {
    const auto i = static_cast<std::size_t>(id);
    LTS_CHECK(id >= 0 && i < weights_.size());
    switch (part) {
      case LearnerPart::kWeight:
        return weights_[i];
      case LearnerPart::kFirstMoment:
        return first_[i];
      case LearnerPart::kSecondMoment:
        return second_[i];
      case LearnerPart::kGradient:
        break;
    }
    return weights_[i].grad();
  }

  // Inputs [batch, n] and targets [batch * n], both int64.
  std::pair<at::Tensor, at::Tensor> Split(std::span<const std::int32_t> tokens,
                                          std::int64_t batch) const {
    const std::int64_t count = std::ssize(tokens);
    const std::int64_t n = batch > 0 ? count / batch - 1 : 0;
    if (batch < 1 || count % batch != 0 || n < 1 || n > graph_.max_seq_len) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("batch of {} sequences in {} tokens: expected sequences of equal "
                              "length with 2 to {} tokens",
                              batch, count, graph_.max_seq_len + 1));
    }
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int32_t token = tokens[static_cast<std::size_t>(i)];
      if (token >= 0 && token < graph_.vocab_size) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("token {} of sequence {}: got {}, expected an id in [0, {})",
                              i % (n + 1), i / (n + 1), token, graph_.vocab_size));
    }
    const at::Tensor all = at::empty({batch, n + 1}, at::kInt);
    std::memcpy(all.data_ptr<std::int32_t>(), tokens.data(), tokens.size_bytes());
    return {all.narrow(1, 0, n).to(at::kLong),
            all.narrow(1, 1, n).to(at::kLong).reshape({batch * n})};
  }

  double GradientSquares() {
    double squares = 0;
    for (at::Tensor& weight : weights_) {
      if (!weight.grad().defined()) continue;
      weight.mutable_grad() = weight.grad().contiguous();
      const std::span<const float> gradients = Values(weight.grad());
      squares += SumOfBlocks<double>(weight.numel(), [&](std::int64_t begin, std::int64_t count) {
        return SumOfSquares(
            gradients.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)));
      });
    }
    return squares;
  }

  // The sum of part(begin, count) over the blocks, in their order.
  template <typename Sum, typename PartOf>
  static Sum SumOfBlocks(std::int64_t count, const PartOf& part) {
    std::vector<Sum> sums(static_cast<std::size_t>((count + kBlock - 1) / kBlock));
    ForBlocks(count, [&](std::int64_t block, std::int64_t begin, std::int64_t size) {
      sums[static_cast<std::size_t>(block)] = part(begin, size);
    });
    Sum total{};
    for (const Sum& sum : sums) total = Add(total, sum);
    return total;
  }
  static double Add(double a, double b) { return a + b; }
  static LambNorms Add(const LambNorms& a, const LambNorms& b) {
    return {a.weights + b.weights, a.direction + b.direction};
  }

  void UpdateTensor(std::size_t i, const UpdateStep& step) {
    const auto range = [&, w = Values(weights_[i]), g = Values(weights_[i].grad()),
                        m = Values(first_[i]),
                        v = Values(second_[i])](std::int64_t begin, std::int64_t count) {
      const auto from = static_cast<std::size_t>(begin);
      const auto size = static_cast<std::size_t>(count);
      return UpdateRange{w.subspan(from, size), g.subspan(from, size), m.subspan(from, size),
                         v.subspan(from, size)};
    };
    const std::int64_t count = weights_[i].numel();
    const OptimizerOptions& optimizer = options_.optimizer;
    switch (optimizer.kind) {
      case OptimizerKind::kAdamW:
        ForBlocks(count, [&](std::int64_t, std::int64_t begin, std::int64_t size) {
          UpdateAdamW(optimizer, step, range(begin, size));
        });
        break;
      case OptimizerKind::kLamb: {
        const auto norms =
            SumOfBlocks<LambNorms>(count, [&](std::int64_t begin, std::int64_t size) {
              return UpdateLambMoments(optimizer, step, range(begin, size));
            });
        ForBlocks(count, [&](std::int64_t, std::int64_t begin, std::int64_t size) {
          UpdateLambWeights(optimizer, step, norms, range(begin, size));
        });
        break;
      }
    }
  }

  LearnerOptions options_;
  Graph graph_;
  Decoder decoder_;
  std::vector<at::Tensor> weights_;  // leaves that gather gradients; of these and the next two one
  std::vector<at::Tensor> first_;    // for each of graph_.tensors
  std::vector<at::Tensor> second_;
};

}  // namespace

Availability TorchEngine::Supports(const Graph& graph) const { return DecoderSupports(graph); }

std::unique_ptr<Learner> TorchEngine::NewLearner(const Model& model,
                                                 const LearnerOptions& options) const {
  CheckLearnerOptions(options);
  if (const Availability supported = Supports(model.graph()); !supported.ok) {
    throw Error(ErrorCode::kUnsupported, supported.reason);
  }
  at::set_num_threads(options.threads);
  return std::make_unique<TorchLearner>(model, options);
}

}  // namespace lts::torch_engine
