#include <set>
#include <utility>

#include "lts/arch/count.h"
#include "lts/base/checked.h"

namespace lts {
namespace {

constexpr std::int64_t kBytesPerLayer = 1940;
constexpr std::int64_t kBytesPerFile = 6500;

}  // namespace

std::int64_t ArchaiMemoryBytes(const Graph& graph) {
  std::int64_t floats = 0;
  std::set<std::pair<TensorInit::Kind, std::int64_t>> merged;
  for (const TensorSpec& tensor : graph.tensors) {
    const std::int64_t count = tensor.count();
    const bool constant = tensor.shape.size() == 1 && tensor.init.kind != TensorInit::Kind::kNormal;
    if (constant && !merged.emplace(tensor.init.kind, count).second) continue;
    floats = CheckedAdd(floats, count);
  }
  const std::int64_t nodes = CheckedAdd(CheckedMul(graph.n_layer, kBytesPerLayer), kBytesPerFile);
  return CheckedAdd(CheckedMul(floats, SizeOf(DType::kFloat32)), nodes);
}

}  // namespace lts
