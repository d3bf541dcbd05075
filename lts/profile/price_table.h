// What devices and hosted models cost, in a TOML (or JSON) file that the user edits:
//
//   [devices.a100]
//   dollars_per_hour = 4.096    # of one device
//   watts = 400                 # optional: what one draws while it works
//
//   [hosted.davinci]            # optional: prices of a service, by model
//   dollars_per_1k_prompt_tokens = 0.0015
//   dollars_per_1k_output_tokens = 0.002
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/json.h"

namespace lts {

struct DevicePrice {
  std::string name;
  double dollars_per_hour = 0;  // >= 0
  std::optional<double> watts;  // > 0
};
struct HostedPrice {
  std::string name;
  double dollars_per_1k_prompt_tokens = 0;  // >= 0
  double dollars_per_1k_output_tokens = 0;
};
struct PriceTable {
  std::vector<DevicePrice> devices;
  std::vector<HostedPrice> hosted;
  // Throw kNotFound with the nearest name.
  const DevicePrice& Device(std::string_view name) const;
  const HostedPrice& Hosted(std::string_view name) const;
};

// a100 and v100: on-demand prices of the published comparison (32.77 $ an hour for 8 A100, 3.06 $
// for a V100), with the boards' rated power.
PriceTable DefaultPrices();

// Throws kInvalidArgument naming file and field; kNotFound for unknown fields.
PriceTable ParsePrices(const Json& json, const std::string& file);

}  // namespace lts
