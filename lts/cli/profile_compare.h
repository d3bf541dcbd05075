// What `lts profile` says of requests beside their time, and of models in scenarios.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lts/cli/profile_output.h"
#include "lts/profile/price_table.h"
#include "lts/profile/scenario_table.h"

namespace lts::cli {

// Dollars, energy, FLOPs and memory of each request on each model whose architecture is known; the
// others are named on err.
void PrintMetrics(std::span<const FittedProfile> profiles, std::span<const Request> requests,
                  const DevicePrice& price, OutputFormat format, Context& context);

// A row for each result whose model has a profile (by its own name or a published one): raw, and
// estimated time at its mean tokens, cents, and whether it is on its scenario's front. Then, unless
// `format` is csv or json, the models' ranks over scenarios. Returns what can be compared.
std::vector<Capability> PrintScenarios(std::span<const FittedProfile> profiles,
                                       std::span<const ScenarioResult> results,
                                       const DevicePrice& price, OutputFormat format,
                                       Context& context);

}  // namespace lts::cli
