// A decoder that learns: its weights, the gradients of a batch and the optimizer's moments, on
// whatever computes them. The loop (train.h) knows this interface and no engine.
//
//   Accumulate(micro-batch) ... Accumulate(micro-batch)  Update(rate, step)      one training step
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "lts/arch/graph.h"
#include "lts/arch/model.h"
#include "lts/base/dtype.h"
#include "lts/base/error.h"
#include "lts/train/optimizer.h"

namespace lts {

struct LearnerOptions {
  int threads = 1;  // 1..1024
  // Of the matrix products and what they read and write. Weights, moments, norms, residual sums
  // and the loss are float32 with either. kInt8 is refused.
  DType dtype = DType::kFloat32;
  double dropout = 0;            // [0, 1): after the embedding and at the end of every block
  double attention_dropout = 0;  // [0, 1): of attention's weights
  OptimizerOptions optimizer;
};
// Throws kInvalidArgument with got and expected.
void CheckLearnerOptions(const LearnerOptions& options);

// What is kept of each tensor of the graph. kGradient: the sum since the last Update.
enum class LearnerPart { kWeight, kFirstMoment, kSecondMoment, kGradient };

// One thread at a time. The same calls give the same bits on one machine with as many threads.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual const Graph& graph() const = 0;

  // tokens: [batch, n + 1] row-major, in [0, V), n in [1, graph.max_seq_len]: each but the last of
  // a sequence predicts the next one. Adds `weight` times the gradients of the mean cross-entropy
  // (nats a token) and returns that mean. `seed` is all that dropout depends on. Throws
  // kInvalidArgument on sizes and tokens outside their ranges.
  virtual double Accumulate(std::span<const std::int32_t> tokens, std::int64_t batch, double weight,
                            std::uint64_t seed) = 0;
  // Clips, moves the weights, forgets the gradients. step: UpdateStep::step. Returns the gradients'
  // length before clipping. When that is not finite nothing changes but the gradients, which are
  // forgotten.
  virtual double Update(double learning_rate, std::int64_t step) = 0;
  // The mean cross-entropy without dropout and without gradients. tokens as above.
  virtual double Loss(std::span<const std::int32_t> tokens, std::int64_t batch) = 0;

  // The values of a tensor, row-major; sizes must match (LTS_CHECK). A gradient can be read only.
  virtual void Read(LearnerPart part, TensorId id, std::span<float> values) const = 0;
  virtual void Write(LearnerPart part, TensorId id, std::span<const float> values) = 0;
};

// What makes learners; one there is for each library that can.
class LearnerEngine {
 public:
  virtual ~LearnerEngine() = default;
  // Can it train this graph? A reason when not; never throws.
  virtual Availability Supports(const Graph& graph) const = 0;
  // From the weights of `model`, with moments of zero. Throws kUnsupported with Supports()' reason,
  // kInvalidArgument as CheckLearnerOptions.
  virtual std::unique_ptr<Learner> NewLearner(const Model& model,
                                              const LearnerOptions& options) const = 0;
};

}  // namespace lts
