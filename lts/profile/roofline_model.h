// Predicts costs of requests from the architecture alone, for models that nobody has profiled, by a
// few constants of a device. Source of the idea: Williams, Waterman & Patterson 2009,
// Communications of the ACM 52(4), "Roofline".
//
// A step of n tokens takes
//
//   step + [prompt: n tokenizer] + sum over layers max(launch, work(n)) + head(n)
//
// launch   an eager framework's time to issue a layer's kernels, whatever they compute: higher with
//          several ranks (their synchronisation), and for a prompt (cache and buffers are made)
// work     matrix products, attention, passes over activations, and exchanges between ranks. A
//          product takes the larger of its arithmetic and of reading its operands. Arithmetic comes
//          in waves of output tiles over the device's processors, by the best of the usual tile
//          sizes: why 129 tokens cost as much as 256.
// head     logits of all n tokens, and passes over them
//
// In max the larger wins smoothly (norm of order 8), since neither hides the other perfectly.
// Constants are fitted to any set of profiles with a known deployment; what these cannot tell stays
// near where it began, the published accelerators' own data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/json.h"
#include "lts/profile/token_cost.h"

namespace lts {

struct DeviceConstants {
  std::string name;
  // Of the data sheet, not fitted.
  std::int64_t processors = 108;    // that each compute a tile at once
  std::int64_t ranks_per_node = 8;  // joined by the fast link
  double bytes_per_value = 2;       // of weights, activations and cache

  // Fitted, all > 0. Seconds unless said.
  double launch_s = 0.65e-3;         // of a layer on one rank
  double launch_ranks_s = 0.8e-3;    // of a layer on several
  double launch_prompt_s = 0.08e-3;  // more, of a layer of a prompt
  double step_s = 2.5e-3;            // of a step: sampling, and the program around it
  double tokenizer_s = 7e-6;         // of a prompt token
  double flops_per_s = 2.5e14;       // of matrix products
  double tile_overhead = 0.3;     // of a tile of 128 x 128, in its own time; more of smaller ones
  double bytes_per_s = 1.25e12;   // of memory
  double activation_passes = 12;  // over [n, d_model] in a layer
  double link_bytes_per_s = 1.2e11;  // between ranks of a node
  double far_bytes_per_s = 4e10;     // between nodes
  double exchange_s = 0.1e-3;        // of a layer's exchanges, whatever their size
};

// Devices with published profiles, "a100" and "v100": where a fit begins, from data sheets and what
// frameworks usually take. Throws kNotFound with the nearest name.
DeviceConstants DeviceByName(std::string_view name);
// The same with constants fitted to all published profiles of the device (docs/profiling.md has the
// command): what predicts without profiles at hand.
DeviceConstants FittedDeviceByName(std::string_view name);

// Seconds of a step of `tokens` (>= 1); `prompt`: of a prompt, else a decode step. What the
// original leaves out of decode steps, the growth with the context, is left out here.
double StepSeconds(const DeviceConstants& device, const Deployment& deployment, std::int64_t tokens,
                   bool prompt);
// T(p, o) of the notes in token_cost.h, of the model.
double PredictedSeconds(const DeviceConstants& device, const Deployment& deployment,
                        std::int64_t prompt_tokens, std::int64_t output_tokens);
// The same as costs, at `prompt_sizes` (ascending, >= 1), so that they print as fitted ones do.
TokenCost PredictTokenCost(const DeviceConstants& device, const Deployment& deployment,
                           std::span<const std::int64_t> prompt_sizes, const std::string& name);

// Least squares of log(predicted / measured) over all points, each profile weighing the same, with
// outliers damped, and every constant held towards `start` in so far as profiles do not say
// otherwise. Constants that no profile depends on stay as they are. Throws kInvalidArgument when a
// profile has no deployment or there are none. Deterministic; some 0.1 s for ten profiles.
DeviceConstants FitDevice(std::span<const CostProfile* const> profiles,
                          const DeviceConstants& start);

// Mean and largest |predicted / measured - 1| over a profile's points. Throws kInvalidArgument when
// it has no deployment.
struct PredictionError {
  double mape = 0;
  double max_ape = 0;
};
PredictionError ErrorOf(const DeviceConstants& device, const CostProfile& profile);

// {"name": "a100", "processors": 108, ..., "exchange_s": 0.0001}
Json ToJson(const DeviceConstants& device);
// Throws kInvalidArgument naming file and field; unknown fields are refused.
DeviceConstants ParseDevice(const Json& json, const std::string& file);

}  // namespace lts
