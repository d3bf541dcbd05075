#include "lts/arch/graph.h"

#include "lts/arch/registry.h"
#include "lts/base/checked.h"

namespace lts {

std::int64_t TensorSpec::count() const {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count = CheckedMul(count, extent);
  return count;
}

Graph BuildGraph(const Architecture& architecture) {
  return FindBackbone(architecture.backbone()).build(architecture);
}

}  // namespace lts
