// Requests of tasks: what models answered how well, in what time, and how they compare in it.
//
// A CSV with a header line: `scenario` ("boolq:model=openai_davinci"), `inference_runtime` (mean
// raw seconds), prompt tokens (`num_tokens_in_prompt` or `num_prompt_tokens`) and
// `num_output_tokens` (means over instances), and optionally `inference_idealized_runtime` and
// `exact_match` (accuracy). Blank is missing. Other columns are passed over.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lts {

struct ScenarioResult {
  std::string scenario;  // the task with its arguments but model: "mmlu:subject=..."
  std::string model;
  std::optional<double> raw_s;        // of a request, network and load included
  std::optional<double> idealized_s;  // as the table has it
  std::optional<double> prompt_tokens;
  std::optional<double> output_tokens;
  std::optional<double> accuracy;  // [0, 1]
};

// In the order of rows. Throws kInvalidArgument "<file>: line 3: ...".
std::vector<ScenarioResult> ParseScenarioTable(std::string_view text, const std::string& file);

// A model in one scenario: accuracy (more is better) and a cost (less is).
struct Capability {
  std::string scenario;
  std::string model;
  double accuracy = 0;
  double cost = 0;  // > 0: seconds, cents, FLOPs, ...
};

// The published Pareto set: of points in the order of (cost, accuracy), those for which none before
// them has a higher accuracy; equal ones survive. Indices, ascending in cost. O(n log n).
std::vector<std::size_t> CapabilityFront(std::span<const Capability> points);

// Models by efficiency: in each scenario they are ranked by accuracy / cost, 0 the best (ties in
// the order given). Of each model's ranks over the scenarios it is in; ascending (mean, deviation).
struct EfficiencyRank {
  std::string model;
  double low = 0, mean = 0, high = 0;
  double deviation = 0;  // of the population
};
std::vector<EfficiencyRank> EfficiencyRanks(std::span<const Capability> points);

}  // namespace lts
