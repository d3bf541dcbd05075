#include "lts/record/metric.h"

#include <array>
#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr Direction kMin = Direction::kMinimize;
constexpr Direction kMax =
    Direction::kMaximize;  // a proxy of quality: more parameters, lower perplexity

constexpr std::array<MetricInfo, 17> kMetrics{{
    {Metric::kDecoderParams, "decoder_params", "1", kMax, false, "Decoder parameters"},
    {Metric::kTotalParams, "total_params", "1", kMin, false, "Total parameters"},
    {Metric::kFlops, "flops", "1", kMin, false, "FLOPs"},
    {Metric::kLatencyMs, "latency_ms", "ms", kMin, true, "Latency"},
    {Metric::kTtftMs, "ttft_ms", "ms", kMin, true, "Time to first token"},
    {Metric::kTpotMs, "tpot_ms", "ms", kMin, true, "Time per output token"},
    {Metric::kPeakMemoryMib, "peak_memory_mib", "MiB", kMin, true, "Peak memory"},
    {Metric::kWeightsMib, "weights_mib", "MiB", kMin, false, "Weights"},
    {Metric::kKvCacheMib, "kv_cache_mib", "MiB", kMin, false, "KV cache"},
    {Metric::kOnnxFileMib, "onnx_file_mib", "MiB", kMin, false, "ONNX file"},
    {Metric::kArchaiMemoryMib, "archai_memory_mib", "MiB", kMin, false, "Archai memory"},
    {Metric::kSqrtAttnFfn, "sqrt_attn_ffn", "1", kMin, false, "Attention-feed-forward law", true},
    {Metric::kNsc, "nsc", "1", kMin, false, "Spectral capacity law", true},
    {Metric::kGemstones, "gemstones", "1", kMin, false, "Gemstones law", true},
    {Metric::kConditional, "conditional", "1", kMin, false, "Conditional law", true},
    {Metric::kSeparable, "separable", "1", kMin, false, "Separable law", true},
    {Metric::kLtsLaw, "lts_law", "1", kMin, false, "Predicted loss", true},
}};

constexpr bool IsIndexedByMetric() {
  for (std::size_t i = 0; i < kMetrics.size(); ++i) {
    if (static_cast<std::size_t>(kMetrics[i].metric) != i) return false;
  }
  return true;
}
static_assert(IsIndexedByMetric());

}  // namespace

std::span<const MetricInfo> Metrics() { return kMetrics; }

const MetricInfo& Info(Metric metric) {
  const auto index = static_cast<std::size_t>(metric);
  LTS_CHECK(index < kMetrics.size());
  return kMetrics[index];
}

const MetricInfo& MetricByName(std::string_view name) {
  std::vector<std::string> names;
  for (const MetricInfo& info : kMetrics) {
    if (info.name == name) return info;
    names.emplace_back(info.name);
  }
  throw Error(ErrorCode::kNotFound, UnknownName("metric", name, names));
}

}  // namespace lts
