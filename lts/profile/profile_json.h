// Fitted costs as JSON: in the original's schema, which HELM reads, and in ours, which keeps
// intervals and what a fit says of itself.
//
//   original  {"openai/davinci": {"runtime_per_output_token": 0.081,
//                                 "runtime_for_prompt_tokens": {"1": 0.084, "16": 0.085, ...},
//                                 "overhead": 0.237}}       overhead: of remote profiles alone
//   ours      [{"name": "openai_davinci", "method": "ours", "seconds_per_output_token": {"value":
//             .., "low": .., "high": ..}, ..., "prompt": [{"prompt_tokens": 1, "seconds": ..,
//             "low": .., "high": ..}, ...], "goodness": {...}, "warnings": [], "notes": []}]
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "lts/base/json.h"
#include "lts/profile/token_cost.h"

namespace lts {

// What HELM calls the models of a log that the original calls `model`; `model` itself where it has
// no other name. A profile of a remote service goes by the first alone.
std::vector<std::string> HelmNames(std::string_view model);

// One member for each of a model's names. In the order of `costs`; throws kInvalidArgument when two
// share a name.
Json ToHelmJson(std::span<const TokenCost> costs, bool remote = false);

// Reads the original's schema: costs of method intercept, whose table they go by. The oldest files'
// "runtime_for_input_tokens" is read as well. Throws kInvalidArgument naming file, model and field
// for other keys, prompt sizes that are no integers of at least 1, or times that are not finite or
// below 0. O(bytes).
std::vector<TokenCost> ParseHelmJson(const Json& json, const std::string& file);

Json ToJson(const TokenCost& cost, const CostProfile& profile);

}  // namespace lts
