// Times of single requests to a model that is only known from outside, a hosted one say: as CSV
// with a header line, or as JSON lines.
//
//   prompt_tokens   integer >= 1
//   output_tokens   integer >= 0: as many as came back
//   seconds         of the request, > 0
//   trial           which repeat it was; any text, not looked at
//   model           optional: whose request; a table may hold several models
//   requested_output_tokens   optional: rows whose output_tokens are others are left out, with a
//                   note: a request that ended early is no point of the grid
//
//   prompt_tokens,output_tokens,seconds,trial       {"prompt_tokens": 512, "output_tokens": 8,
//   512,8,0.731,1                                    "seconds": 0.731, "trial": 1}
//
// The published CSVs are read as well: a column `scenario` whose synthetic_efficiency rows name
// num_input_tokens, num_output_tokens and model, and the mean seconds in `inference_runtime`; what
// the idealized column and the others hold is not looked at here. A row without a time is left out,
// with a note. Other columns and members are passed over.
//
// Of each (model, p, o) all trials are kept; the time is their median, the deviation that of the
// trials.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lts/profile/cost_profile.h"

namespace lts {

// One profile for each model, in order of appearance, all remote. Throw kInvalidArgument "<file>:
// line 7: ..." on what is malformed, out of range or missing. O(bytes).
std::vector<CostProfile> ParseTimingCsv(std::string_view text, const std::string& file);
std::vector<CostProfile> ParseTimingLines(std::string_view text, const std::string& file);

// What a published CSV's scenario says: "boolq:model=openai_davinci" is of task "boolq" with
// argument model. Throws kInvalidArgument naming `where` when an argument has no '='.
struct ScenarioName {
  std::string task;
  std::vector<std::pair<std::string, std::string>> arguments;
  const std::string* Find(std::string_view key) const;  // nullptr: absent
};
ScenarioName ParseScenarioName(std::string_view text, const std::string& where);

}  // namespace lts
