// What a model costs before it is written or loaded, of 12 layers; widths do not matter.
//   BM_Skeleton        BuildOnnxSkeleton, as the onnxruntime runtime does for every candidate; its
//                      weights are checked to be the graph's
//   BM_OnnxFileBytes   the objective onnx_file_mib; checked against a file that ExportOnnx wrote
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "lts/export/onnx.h"

namespace lts {
namespace {

Architecture Decoder() { return Architecture::Gpt2(12, 128, 256, 4, 1000, 128); }

void BM_Skeleton(benchmark::State& state) {
  const Graph graph = BuildGraph(Decoder());
  const OnnxOptions options{.fused = true, .shared_cache = true};
  if (BuildOnnxSkeleton(graph, options).weights.size() != graph.tensors.size()) {
    state.SkipWithError("a tensor is missing");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(BuildOnnxSkeleton(graph, options));
  }
}

void BM_OnnxFileBytes(benchmark::State& state) {
  const Model model = RandomModel(Decoder(), 1);
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     ("lts_onnx_bench_" + std::to_string(::getpid()) + ".onnx");
  ExportOnnx(model, path, {});
  const auto written = static_cast<std::int64_t>(std::filesystem::file_size(path));
  std::filesystem::remove(path);
  if (OnnxFileBytes(model.graph(), {}) != written) {
    state.SkipWithError("not the size of the file");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(OnnxFileBytes(model.graph(), {}));
  }
}
BENCHMARK(BM_Skeleton)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_OnnxFileBytes)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace lts
BENCHMARK_MAIN();
