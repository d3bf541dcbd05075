#include "lts/export/onnx.h"
#include "lts/objectives/objective.h"
#include "lts/objectives/units.h"

namespace lts {
namespace {

double CountOf(const Graph& graph, const Workload& /*workload*/, const RuntimeConfig& config) {
  return ToMib(OnnxFileBytes(graph, {.onnx = {.dtype = OnnxDTypeOf(config.dtype)}}));
}

}  // namespace

extern const Objective kOnnxFileMibObjective;
constexpr Objective kOnnxFileMibObjective{
    Metric::kOnnxFileMib, "size of the ONNX file that `lts export` would write, to the byte",
    MeasuredBy::kCounting, CountOf, /*in_every_report=*/false};

}  // namespace lts
