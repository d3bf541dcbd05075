#include "lts/profile/request_metrics.h"

#include "lts/arch/count.h"
#include "lts/arch/graph.h"

namespace lts {
namespace {

constexpr double kCentsPerDollar = 100;
constexpr double kSecondsPerHour = 3600;

}  // namespace

RequestMetrics MetricsOf(const Deployment& deployment, std::int64_t prompt_tokens,
                         std::int64_t output_tokens, double seconds, const DevicePrice& price) {
  const WorkloadCounts counts =
      CountWorkload(BuildGraph(deployment.architecture), {prompt_tokens, output_tokens, 1},
                    DType::kBFloat16, DType::kBFloat16);
  RequestMetrics metrics;
  metrics.seconds = seconds;
  metrics.devices = deployment.devices();
  const double device_seconds = seconds * static_cast<double>(metrics.devices);
  metrics.cents = device_seconds * price.dollars_per_hour / kSecondsPerHour * kCentsPerDollar;
  if (price.watts) metrics.joules = device_seconds * *price.watts;
  metrics.flops = static_cast<double>(counts.total_flops);
  const auto d_model = static_cast<double>(deployment.architecture.d_model());
  metrics.published_flops = 24 * d_model * d_model *
                            static_cast<double>(deployment.architecture.n_layer()) *
                            static_cast<double>(prompt_tokens + output_tokens - 1);
  metrics.weight_bytes = static_cast<double>(counts.weight_bytes);
  metrics.cache_bytes = static_cast<double>(counts.kv_cache_bytes);
  return metrics;
}

double HostedDollars(const CostProfile& profile, std::int64_t runs, const HostedPrice& price) {
  double dollars = 0;
  for (const GridPoint& point : profile.points) {
    dollars += static_cast<double>(point.prompt_tokens) * price.dollars_per_1k_prompt_tokens +
               static_cast<double>(point.output_tokens) * price.dollars_per_1k_output_tokens;
  }
  return dollars * static_cast<double>(runs) / 1000;
}

double DeviceDollars(const CostProfile& profile, std::int64_t runs, double dollars_per_hour) {
  double seconds = 0;
  for (const GridPoint& point : profile.points) seconds += point.seconds;
  return seconds * static_cast<double>(runs) * dollars_per_hour / kSecondsPerHour;
}

double MeanVariation(const CostProfile& profile) {
  double sum = 0;
  std::int64_t known = 0;
  for (const GridPoint& point : profile.points) {
    if (point.deviation_s <= 0) continue;
    sum += point.deviation_s / point.seconds;
    ++known;
  }
  return known > 0 ? sum / static_cast<double>(known) : 0;
}

}  // namespace lts
