// What a request costs besides time, and what a profile itself cost to take.
// Source of the published definitions: Narayanan et al. 2023, arXiv:2305.02440.
#pragma once

#include <cstdint>
#include <optional>

#include "lts/profile/cost_profile.h"
#include "lts/profile/price_table.h"

namespace lts {

struct RequestMetrics {
  double seconds = 0;
  std::int64_t devices = 1;
  double cents = 0;              // seconds x devices x price, in 1/100 $
  std::optional<double> joules;  // seconds x devices x power, where the power is known
  // Of the architecture: products, attention and vocabulary, every step at its own context.
  double flops = 0;
  // As published: 24 d_model^2 layers (p + o - 1). No attention, no vocabulary, d_inner taken for
  // four times d_model.
  double published_flops = 0;
  // Of all devices together: weights and the cache of the longest context, of 2 bytes a value.
  double weight_bytes = 0;
  double cache_bytes = 0;
};

// Of a request that takes `seconds`. Throws kInvalidArgument unless p, o >= 1 and the
// architecture's context holds p + o - 1 tokens.
RequestMetrics MetricsOf(const Deployment& deployment, std::int64_t prompt_tokens,
                         std::int64_t output_tokens, double seconds, const DevicePrice& price);

// What all points of a profile cost to take: `runs` times each.
double HostedDollars(const CostProfile& profile, std::int64_t runs, const HostedPrice& price);
// On devices that cost `dollars_per_hour` together.
double DeviceDollars(const CostProfile& profile, std::int64_t runs, double dollars_per_hour);

// Standard deviation by mean of each point's runs, mean over those where it is known; 0 when none.
double MeanVariation(const CostProfile& profile);

}  // namespace lts
