// A learner without an engine, for tests of the loop: it has moments, forgets nothing between calls
// and gives other weights for other tokens, seeds, rates or orders of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "lts/arch/model.h"
#include "lts/train/learner.h"

namespace lts {

class FakeLearner final : public Learner {
 public:
  explicit FakeLearner(const Architecture& architecture) : graph_(BuildGraph(architecture)) {
    for (const TensorSpec& tensor : graph_.tensors) {
      const auto count = static_cast<std::size_t>(tensor.count());
      weights_.emplace_back(count, 0.5F);
      first_.emplace_back(count, 0.0F);
      second_.emplace_back(count, 0.0F);
      gradients_.emplace_back(count, 0.0F);
    }
  }

  const Graph& graph() const override { return graph_; }
  double Accumulate(std::span<const std::int32_t> tokens, std::int64_t batch, double weight,
                    std::uint64_t seed) override {
    sum_of_weights += weight;
    seen.insert(seen.end(), tokens.begin(), tokens.end());
    seeds.push_back(seed);
    double mixed = static_cast<double>(seed % 1000) / 1000;
    for (const std::int32_t token : tokens) mixed = 0.9 * mixed + 0.01 * token;
    for (std::vector<float>& gradient : gradients_) {
      for (float& value : gradient) value += static_cast<float>(weight * mixed);
    }
    passes.push_back(batch);
    return loss;
  }
  double Update(double learning_rate, std::int64_t step) override {
    rates.push_back(learning_rate);
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      UpdateAdamW({}, {.learning_rate = learning_rate, .step = step},
                  {weights_[i], gradients_[i], first_[i], second_[i]});
      std::fill(gradients_[i].begin(), gradients_[i].end(), 0.0F);
    }
    return norm;
  }
  double Loss(std::span<const std::int32_t> tokens, std::int64_t batch) override {
    evaluated += static_cast<std::int64_t>(tokens.size()) - batch;
    return validation_losses.empty() ? static_cast<double>(weights_[0][0])
                                     : validation_losses[evaluations++ % validation_losses.size()];
  }
  void Read(LearnerPart part, TensorId id, std::span<float> values) const override {
    const std::vector<float>& from = Part(part)[static_cast<std::size_t>(id)];
    std::copy(from.begin(), from.end(), values.begin());
  }
  void Write(LearnerPart part, TensorId id, std::span<const float> values) override {
    auto& to = const_cast<std::vector<float>&>(Part(part)[static_cast<std::size_t>(id)]);
    std::copy(values.begin(), values.end(), to.begin());
  }
  const std::vector<std::vector<float>>& weights() const { return weights_; }

  double loss = 2.0;
  double norm = 1.0;
  std::vector<double> validation_losses;  // by evaluation; empty: follows from the weights
  // What was asked for.
  double sum_of_weights = 0;
  std::vector<std::int32_t> seen;
  std::vector<std::uint64_t> seeds;
  std::vector<std::int64_t> passes;
  std::vector<double> rates;
  std::int64_t evaluated = 0;
  std::size_t evaluations = 0;

 private:
  const std::vector<std::vector<float>>& Part(LearnerPart part) const {
    switch (part) {
      case LearnerPart::kWeight:
        return weights_;
      case LearnerPart::kFirstMoment:
        return first_;
      case LearnerPart::kSecondMoment:
        return second_;
      case LearnerPart::kGradient:
        break;
    }
    return gradients_;
  }

  Graph graph_;
  std::vector<std::vector<float>> weights_, first_, second_, gradients_;
};

}  // namespace lts
