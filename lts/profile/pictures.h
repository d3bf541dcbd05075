// Profiles as pictures, four a model: time against output tokens with the fitted lines, the cost of
// prompts against their size, estimated against measured time, and how much runs vary.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lts/profile/scenario_table.h"
#include "lts/profile/token_cost.h"
#include "lts/report/scatter.h"

namespace lts {

// Of costs that were fitted to `profile`; times in ms. At most four prompt sizes, evenly spread,
// have lines in the first.
std::vector<ScatterPanel> ProfilePanels(const CostProfile& profile, const TokenCost& cost);

// Accuracy against seconds of each scenario, the front joined by a line.
std::vector<ScatterPanel> CapabilityPanels(std::span<const Capability> points);

}  // namespace lts
