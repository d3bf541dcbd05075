// How fast a training step is: ours against a plain PyTorch loop, float32 and bfloat16, by turns in
// one run.
//
//   train_bench [threads]
//
// The plain loop stands for the one that people write in Python. It is written in C++ with
// libtorch's modules, operators, autocast and optimizer, which are those that Python calls: at
// steps of a second, what Python itself adds does not show. It takes no short cut that such a loop
// would not take, and none that it would is left out: gradients are dropped rather than zeroed,
// weights are cast once a step by autocast's cache.
//
// Model: 13 M decoder parameters (7 layers of d_model 384 and d_inner 1664), vocabulary 4,096 with
// a tied head, batch of 8 x 256 tokens. Before it times anything both do three steps from the same
// weights on the same tokens and must report the same losses. Times are medians over rounds; a
// round is one step of each in random order.
#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "lts/arch/count.h"
#include "lts/arch/model.h"
#include "lts/base/clock.h"
#include "lts/base/rng.h"
#include "lts/base/thread_pool.h"
#include "lts/train/torch/torch_learner.h"

namespace lts {
namespace {

namespace nn = ::torch::nn;
namespace F = ::torch::nn::functional;

constexpr std::int64_t kBatch = 8;
constexpr std::int64_t kLength = 256;
constexpr int kRounds = 7;
constexpr double kRate = 1e-4;

Architecture BenchArchitecture() { return Architecture::Gpt2(7, 384, 1664, 6, 4096, kLength); }

// GPT-2 as the plain loop's author writes it.
class PlainBlock : public nn::Module {
 public:
  PlainBlock(std::int64_t d, std::int64_t inner, std::int64_t heads)
      : heads_(heads),
        norm1(register_module("norm1", nn::LayerNorm(std::vector<std::int64_t>{d}))),
        norm2(register_module("norm2", nn::LayerNorm(std::vector<std::int64_t>{d}))),
        qkv(register_module("qkv", nn::Linear(d, 3 * d))),
        out(register_module("out", nn::Linear(d, d))),
        up(register_module("up", nn::Linear(d, inner))),
        down(register_module("down", nn::Linear(inner, d))) {}

  at::Tensor forward(const at::Tensor& x, const at::Tensor& mask) {  // NOLINT
    const std::int64_t d = x.size(2);
    const auto heads = [&](const at::Tensor& t) {
      return t.view({x.size(0), x.size(1), heads_, d / heads_}).transpose(1, 2);
    };
    const auto parts = qkv(norm1(x)).split(d, 2);
    const at::Tensor scores = at::matmul(heads(parts[0]), heads(parts[1]).transpose(-2, -1)) /
                              std::sqrt(static_cast<double>(d / heads_));
    const at::Tensor shares =
        at::softmax(scores.masked_fill(mask, -std::numeric_limits<double>::infinity()), -1);
    const at::Tensor attended =
        at::matmul(shares, heads(parts[2])).transpose(1, 2).contiguous().view(x.sizes());
    const at::Tensor y = x + out(attended);
    return y + down(at::gelu(up(norm2(y)), "tanh"));
  }

  std::int64_t heads_;
  nn::LayerNorm norm1, norm2;
  nn::Linear qkv, out, up, down;
};

class PlainDecoder : public nn::Module {
 public:
  explicit PlainDecoder(const Architecture& a)
      : tokens(register_module("tokens", nn::Embedding(a.vocab_size(), a.d_model()))),
        positions(register_module("positions", nn::Embedding(a.max_seq_len(), a.d_model()))),
        norm(register_module("norm", nn::LayerNorm(std::vector<std::int64_t>{a.d_model()}))) {
    for (std::int64_t i = 0; i < a.n_layer(); ++i) {
      const LayerShape& layer = a.layers()[static_cast<std::size_t>(i)];
      blocks.push_back(
          register_module("block" + std::to_string(i),
                          std::make_shared<PlainBlock>(a.d_model(), layer.d_inner, layer.n_head)));
    }
    const std::int64_t n = a.max_seq_len();
    mask = register_buffer("mask", at::ones({n, n}, at::kBool).triu(1));
    index = register_buffer("index", at::arange(n));
  }

  at::Tensor forward(const at::Tensor& ids) {  // NOLINT(readability-identifier-naming)
    at::Tensor x = tokens(ids) + positions(index);
    for (const auto& block : blocks) x = block->forward(x, mask);
    return F::linear(norm(x), tokens->weight);
  }

  // In the order of our graph's tensors.
  std::vector<at::Tensor> Weights() const {
    std::vector<at::Tensor> all{tokens->weight, positions->weight};
    for (const auto& b : blocks) {
      for (const auto& t : {b->norm1->weight, b->norm1->bias, b->qkv->weight, b->qkv->bias,
                            b->out->weight, b->out->bias, b->norm2->weight, b->norm2->bias,
                            b->up->weight, b->up->bias, b->down->weight, b->down->bias}) {
        all.push_back(t);
      }
    }
    all.push_back(norm->weight);
    all.push_back(norm->bias);
    return all;
  }

  nn::Embedding tokens, positions;
  nn::LayerNorm norm;
  std::vector<std::shared_ptr<PlainBlock>> blocks;
  at::Tensor mask, index;
};

class PlainLoop {
 public:
  PlainLoop(const Model& model, DType dtype)
      : decoder_(model.architecture()), parameters_(decoder_.parameters()), dtype_(dtype) {
    const at::NoGradGuard no_grad;
    const std::vector<at::Tensor> weights = decoder_.Weights();
    std::vector<at::Tensor> matrices;
    std::vector<at::Tensor> rest;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const auto values = model.tensor(static_cast<TensorId>(i));
      const TensorSpec& spec = model.graph().tensors[i];
      at::Tensor ours = at::empty(at::IntArrayRef(spec.shape.begin(), spec.shape.size()));
      std::copy(values.begin(), values.end(), ours.data_ptr<float>());
      const bool table =
          spec.role == TensorRole::kTokenEmbedding || spec.role == TensorRole::kPositionEmbedding;
      weights[i].copy_(spec.shape.size() == 2 && !table ? ours.t() : ours);  // Linear: [out, in]
      (spec.shape.size() == 2 ? matrices : rest).push_back(weights[i]);
    }
    using ::torch::optim::AdamWOptions;
    const auto options = [](double decay) {
      return std::make_unique<AdamWOptions>(
          AdamWOptions(kRate).betas({0.9, 0.95}).eps(1e-8).weight_decay(decay));
    };
    std::vector<::torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(matrices, options(0.1));
    groups.emplace_back(rest, options(0.0));
    optimizer_ = std::make_unique<::torch::optim::AdamW>(groups, AdamWOptions(kRate));
  }

  double Step(const std::vector<std::int32_t>& tokens) {
    const at::Tensor all = at::tensor(tokens).to(at::kLong).view({kBatch, kLength + 1});
    for (at::Tensor& weight : parameters_) weight.mutable_grad().reset();
    at::Tensor loss;
    const bool casts = dtype_ == DType::kBFloat16;
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
    at::autocast::set_cpu_enabled(casts);
    {
      const at::Tensor logits = decoder_.forward(all.narrow(1, 0, kLength));
      loss = F::cross_entropy(logits.view({kBatch * kLength, -1}).to(at::kFloat),
                              all.narrow(1, 1, kLength).reshape({-1}));
    }
    at::autocast::clear_cache();
    at::autocast::set_cpu_enabled(false);
    loss.backward();
    nn::utils::clip_grad_norm_(parameters_, 1.0);
    optimizer_->step();
    return loss.item<double>();
  }

 private:
  PlainDecoder decoder_;
  std::vector<at::Tensor> parameters_;
  DType dtype_;
  std::unique_ptr<::torch::optim::AdamW> optimizer_;
};

std::vector<std::int32_t> Tokens(std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < kBatch * (kLength + 1); ++i) {
    tokens.push_back(static_cast<std::int32_t>(rng.Below(4096)));
  }
  return tokens;
}

struct Contestant {
  std::string name;
  DType dtype;
  std::function<double(const std::vector<std::int32_t>&)> step;
  std::vector<double> seconds = {};
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Main(int threads) {
  const Architecture architecture = BenchArchitecture();
  const Model model = RandomModel(architecture, 1);
  std::vector<Contestant> all;
  std::vector<std::unique_ptr<Learner>> learners;
  std::vector<std::unique_ptr<PlainLoop>> loops;
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    learners.push_back(
        torch_engine::TorchEngine().NewLearner(model, {.threads = threads, .dtype = dtype}));
    loops.push_back(std::make_unique<PlainLoop>(model, dtype));
    Learner* const learner = learners.back().get();
    PlainLoop* const loop = loops.back().get();
    all.push_back({"plain loop", dtype, [loop](const auto& tokens) { return loop->Step(tokens); }});
    all.push_back({"lts", dtype, [learner, done = 0](const auto& tokens) mutable {
                     const double loss = learner->Accumulate(tokens, kBatch, 1.0, 0);
                     learner->Update(kRate, ++done);
                     return loss;
                   }});
  }
  for (std::uint64_t step = 0; step < 3; ++step) {
    const auto tokens = Tokens(step);
    for (std::size_t i = 0; i < all.size(); i += 2) {
      const double expected = all[i].step(tokens);
      const double loss = all[i + 1].step(tokens);
      const double tolerance = all[i].dtype == DType::kFloat32 ? 1e-4 : 2e-2;
      if (!(std::abs(loss - expected) <= tolerance)) {
        fmt::print(stderr, "step {}, {}: loss {} of the plain loop, but {} of lts\n", step,
                   kDTypes.Name(all[i].dtype), expected, loss);
        return 1;
      }
    }
  }
  SystemClock clock;
  Rng order(7);
  std::vector<std::size_t> indices{0, 1, 2, 3};
  for (int round = 0; round < kRounds; ++round) {
    order.Shuffle(std::span(indices));
    for (const std::size_t i : indices) {
      const auto tokens = Tokens(static_cast<std::uint64_t>(100 + round));
      const std::int64_t start = clock.NowNs();
      all[i].step(tokens);
      all[i].seconds.push_back(static_cast<double>(clock.NowNs() - start) / 1e9);
    }
  }
  const double flops =
      3.0 * static_cast<double>(CountStepFlops(model.graph(), kBatch, kLength, kLength, kLength));
  fmt::print("training step, {} decoder parameters, vocabulary 4096, {} x {} tokens, {} threads\n",
             CountParameters(model.graph()).decoder(), kBatch, kLength, threads);
  fmt::print("{:12} {:6} {:>10} {:>12} {:>10} {:>8}\n", "", "dtype", "ms", "tokens/s", "GFLOP/s",
             "of plain");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double seconds = Median(all[i].seconds);
    const double plain = Median(all[i / 2 * 2].seconds);
    fmt::print("{:12} {:6} {:10.1f} {:12.0f} {:10.0f} {:8.2f}\n", all[i].name,
               kDTypes.Name(all[i].dtype), 1e3 * seconds, kBatch * kLength / seconds,
               flops / seconds / 1e9, plain / seconds);
  }
  return 0;
}

}  // namespace
}  // namespace lts

int main(int argc, char** argv) {
  return lts::Main(argc > 1 ? std::atoi(argv[1]) : lts::UsableCores());
}
