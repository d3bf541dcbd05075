// Profiles of models on our own runtimes, for `lts profile`.
#pragma once

#include <string>
#include <vector>

#include "lts/cli/app.h"
#include "lts/cli/options.h"
#include "lts/profile/grid_meter.h"

namespace lts::cli {

struct ProfileMeasureOptions {
  std::vector<std::string> files;  // architectures, or folders of checkpoints
  RunOptions run;
  GridOptions grid;
  std::string store;  // "": results are not kept
};

// Times every model, one after the other; what was timed is saved to the store as the latency of
// each (p, o). Throws kCancelled on Ctrl-C, kUnsupported, kOutOfMemory, and as ReadArchitecture.
std::vector<CostProfile> MeasureProfiles(const ProfileMeasureOptions& options, Context& context);

}  // namespace lts::cli
