// Training with libtorch: the Graph's ops by its operators, differentiated by its autograd, the
// optimizer's loops on its threads. On the processor.
//
// bfloat16 is that of autocast: products and what lies between them in bfloat16; weights, norms,
// residual sums, the loss and the optimizer in float32.
#pragma once

#include "lts/train/learner.h"

namespace lts::torch_engine {

// Sets the number of threads of all of libtorch when it makes a learner: one number at a time for
// all learners of a process.
class TorchEngine final : public LearnerEngine {
 public:
  Availability Supports(const Graph& graph) const override;
  std::unique_ptr<Learner> NewLearner(const Model& model,
                                      const LearnerOptions& options) const override;
};

}  // namespace lts::torch_engine
