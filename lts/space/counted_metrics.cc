#include "lts/space/counted_metrics.h"

#include <fmt/format.h>

#include <limits>

#include "lts/base/error.h"
#include "lts/export/onnx.h"
#include "lts/quality/law.h"

namespace lts {
namespace {

constexpr double kMib = 1024.0 * 1024.0;

}  // namespace

double CountedMetrics::Value(Metric metric) {
  const bool of_workload =
      metric == Metric::kFlops || metric == Metric::kWeightsMib || metric == Metric::kKvCacheMib;
  if (of_workload) {
    CheckWorkload(workload_, architecture_.max_seq_len(),
                  "counting " + std::string(Info(metric).name));
  }
  try {
    return Count(metric);
  } catch (const Error& error) {
    // The architecture is valid and the workload fits, so what is left is a count beyond int64.
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    return std::numeric_limits<double>::infinity();
  }
}

double CountedMetrics::Count(Metric metric) {
  if (Info(metric).by_law) return LawValue(FindLaw(Info(metric).name), architecture_, own_law_);
  if (!graph_) graph_ = BuildGraph(architecture_);
  if (metric == Metric::kDecoderParams || metric == Metric::kTotalParams) {
    if (!parameters_) parameters_ = CountParameters(*graph_);
    return static_cast<double>(metric == Metric::kDecoderParams ? parameters_->decoder()
                                                                : parameters_->total());
  }
  if (metric == Metric::kOnnxFileMib) {
    return static_cast<double>(OnnxFileBytes(*graph_, {})) / kMib;
  }
  if (metric == Metric::kArchaiMemoryMib) {
    return static_cast<double>(ArchaiMemoryBytes(*graph_)) / kMib;
  }
  if (!counts_) {
    counts_ =
        CountWorkload(*graph_, {workload_.prompt_tokens, workload_.output_tokens, workload_.batch},
                      DType::kFloat32);
  }
  switch (metric) {
    case Metric::kFlops:
      return static_cast<double>(counts_->total_flops);
    case Metric::kWeightsMib:
      return static_cast<double>(counts_->weight_bytes) / kMib;
    case Metric::kKvCacheMib:
      return static_cast<double>(counts_->kv_cache_bytes) / kMib;
    default:
      LTS_CHECK(!"a measured metric cannot be counted");
      return 0;
  }
}

void CheckWorkload(const Workload& workload, std::int64_t max_seq_len, std::string_view where) {
  const auto check = [&](std::string_view field, std::int64_t value) {
    if (value < 1) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: {} of the workload: got {}, expected at least 1", where, field, value));
    }
  };
  check("prompt_tokens", workload.prompt_tokens);
  check("output_tokens", workload.output_tokens);
  check("batch", workload.batch);
  // Each part first, so that the sum cannot overflow.
  if (workload.prompt_tokens > max_seq_len || workload.output_tokens > max_seq_len ||
      workload.context_tokens() > max_seq_len) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "{}: max_seq_len is {}, but a prompt of {} and {} output tokens need {}; ask for fewer "
            "tokens or raise max_seq_len",
            where, max_seq_len, workload.prompt_tokens, workload.output_tokens,
            static_cast<double>(workload.prompt_tokens) +
                static_cast<double>(workload.output_tokens) - 1));
  }
}

}  // namespace lts
