#include <torch/torch.h>

#include "lts/train/torch/cross_entropy-inl.h"

namespace lts::torch_engine {
namespace {

using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

class CrossEntropyFunction : public ::torch::autograd::Function<CrossEntropyFunction> {
 public:
  static at::Tensor forward(AutogradContext* context,  // NOLINT(readability-identifier-naming)
                            const at::Tensor& logits, const at::Tensor& targets) {
    at::Tensor gradient = at::log_softmax(logits, -1);
    const at::Tensor chosen = targets.unsqueeze(1);
    at::Tensor loss = gradient.gather(1, chosen).mean().neg();
    if (logits.requires_grad()) {
      gradient.exp_();
      gradient.scatter_add_(1, chosen, at::full({1, 1}, -1.0, logits.options()).expand_as(chosen));
      context->saved_data["gradient"] = gradient;
    }
    return loss;
  }

  static variable_list backward(AutogradContext* context,  // NOLINT(readability-identifier-naming)
                                const variable_list& outer) {
    at::Tensor gradient = context->saved_data["gradient"].toTensor();
    context->saved_data.clear();
    const double rows = static_cast<double>(gradient.size(0));
    return {gradient.mul_(outer[0] / rows), at::Tensor()};
  }
};

}  // namespace

at::Tensor CrossEntropy(const at::Tensor& logits, const at::Tensor& targets) {
  return CrossEntropyFunction::apply(logits, targets);
}

}  // namespace lts::torch_engine
