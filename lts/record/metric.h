// The quantities that lts knows of an architecture: names, units and which direction is better. One
// table.
#pragma once

#include <span>
#include <string_view>

namespace lts {

enum class Metric {
  kDecoderParams,  // attention + feed-forward + norms; no embeddings, positions or head (LTS paper,
                   // section 4)
  kTotalParams,    // every distinct parameter; a tied head counts once
  kFlops,  // of the whole workload: prefill and all decode steps, whole batch; 1 multiply-add = 2
  kLatencyMs,      // total time of the workload: ttft + (output_tokens - 1) * tpot
  kTtftMs,         // time to first token: prefill of the prompt to its logits
  kTpotMs,         // time per output token after the first: mean decode step
  kPeakMemoryMib,  // peak resident memory of a fresh process above the same process without a model
  kWeightsMib,     // bytes of the weights in the runtime's dtype / 2^20
  kKvCacheMib,     // bytes of keys and values of a full workload / 2^20
  kOnnxFileMib,    // the file that `lts export` writes (standard operators), to the byte / 2^20
  kArchaiMemoryMib,  // Archai's published "Memory (MB)" (arch/count.h)
  // What laws predict of the quality, on scales of their own (quality/law.h); lower is better.
  kSqrtAttnFfn,
  kNsc,
  kGemstones,
  kConditional,
  kSeparable,
  kLtsLaw,
};

enum class Direction { kMinimize, kMaximize };

struct MetricInfo {
  Metric metric;
  std::string_view name;  // as on the command line and in files: "latency_ms"
  std::string_view unit;  // "ms", "MiB", "1"
  Direction better;
  bool measured;  // true: needs the device; false: a pure function of architecture and workload
  std::string_view title;  // for axes and headings: "Latency"
  bool by_law = false;     // a law's prediction: any sign, and grows with no dimension for sure
};

// Whether an objective is wanted for itself rather than paid: what is maximised, and what laws
// predict. What decides under caps, and what is as good as a baseline.
inline bool IsQuality(const MetricInfo& info, Direction direction) {
  return direction == Direction::kMaximize || (info.by_law && direction == info.better);
}

// All metrics in the order above.
std::span<const MetricInfo> Metrics();
const MetricInfo& Info(Metric metric);
// Throws kNotFound with a suggestion.
const MetricInfo& MetricByName(std::string_view name);

}  // namespace lts
