// The logs of text generation by Megatron-LM that the published profiles are: banners, argument
// tables, build output, and one line for each point of the grid. Read by lines; a line ends with
// LF or CRLF:
//
//   banner   "using world size: 8, data-parallel-size: 1, ..."        a launch begins
//   table    "---- arguments ----" *( "  name ..... value" ) "---- end of arguments ----"
//   vocab    " > padded vocab (size: 50257) with 943 dummy tokens (new size: 51200)"
//   time     "Runtime for {'num_input_tokens': P, 'num_output_tokens': O}: S seconds +- D"
//
// All else is passed over. P and O are plain integers, S and D decimals with a point. A time of the
// grid that stands there again replaces the earlier one: a launch that was repeated. Launches that
// timed nothing (a first attempt on too few devices) leave no trace; of two that both timed
// something the model and the devices must be the same. A log without a table has no deployment.
#pragma once

#include <string>
#include <string_view>

#include "lts/profile/cost_profile.h"

namespace lts {

struct MegatronLogOptions {
  // The log is of a model with 1/layer_multiplier of the layers: times, deviations and layers are
  // multiplied. [1, 4096].
  std::int64_t layer_multiplier = 1;
  // Runs behind each time: the log does not say. Published are means of 50 after 10 unmeasured.
  std::int64_t runs = 50;
};
inline constexpr std::size_t kMaxLogBytes = std::size_t{64} << 20;

// `file`: for messages; the model is called as the file without folder and suffix. Throws
// kInvalidArgument "<file>: line 412: ..." for a time line that is malformed, cut off or in the
// middle of another line, a table that never ends or lacks what decides the model, and launches of
// different models. O(bytes).
CostProfile ParseMegatronLog(std::string_view text, const std::string& file,
                             const MegatronLogOptions& options = {});

// Seconds that the published notebooks count for a log's profiling: 100 per timed line (they take
// warm-up and repeats for so many).
double PublishedProfilingHours(const CostProfile& profile);

}  // namespace lts
