// What requests to one decoder cost on one machine: a grid of (prompt tokens, output tokens) with
// the time of each. Comes from our own timing, from another program's logs or from a hosted model's
// answers; fits (published_fit.h, request_fit.h) turn it into the cost of a prompt and of a token.
//
// Symbols as in the field: p prompt tokens, o output tokens, T(p, o) end-to-end seconds of one
// request alone (batch 1). Source: Narayanan et al. 2023, "Cheaply Estimating Inference Efficiency
// Metrics for Autoregressive Transformer Models", arXiv:2305.02440.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/architecture.h"

namespace lts {

inline constexpr std::int64_t kMaxProfileTokens = std::int64_t{1} << 24;
inline constexpr std::int64_t kMaxProfilePoints = 1'000'000;
// Of one request: wide enough for any device, narrow enough for the squares that fits take.
inline constexpr double kMinProfileSeconds = 1e-9;
inline constexpr double kMaxProfileSeconds = 1e6;

// Several runs of one request.
struct GridPoint {
  std::int64_t prompt_tokens = 0;  // [1, kMaxProfileTokens]
  std::int64_t output_tokens = 0;  // [0, kMaxProfileTokens]; 0: the prompt was only read
  double seconds = 0;              // of the runs together: their mean, or what CostProfile says
  double deviation_s = 0;          // standard deviation of one run; 0: not known
  std::int64_t runs = 1;           // >= 1
  std::vector<double> samples;     // each run's seconds, ascending; empty where only sums are known
  bool operator==(const GridPoint&) const = default;
};

// Where a model ran: `ranks` devices share every layer (tensor parallelism).
struct Deployment {
  Architecture architecture;  // of the whole model
  std::int64_t ranks = 1;     // >= 1
  // The times are those of a model with 1/replicas of the layers, times replicas: each stands for a
  // pipeline stage of its own devices. A divisor of the layers.
  std::int64_t replicas = 1;
  std::int64_t devices() const { return ranks * replicas; }
  bool operator==(const Deployment&) const = default;
};

struct CostProfile {
  std::string name;               // of the model
  std::string source;             // the file it was read from, or how it was measured
  std::vector<GridPoint> points;  // ascending (p, o), each once
  // Times are multiples of this, as they were printed; 0: as exact as a double.
  double resolution_s = 0;
  // Whether times hold more than the model: network, queue and the service around it.
  bool remote = false;
  std::optional<Deployment> deployment;  // where the source tells of it
  // What a device drew while it was timed, where that was measured.
  std::optional<double> watts;
  double total_s = 0;              // of all timed runs, those that were overwritten as well
  std::vector<std::string> notes;  // what was read but not taken at face value

  const GridPoint* Find(std::int64_t prompt_tokens, std::int64_t output_tokens) const;
  std::vector<std::int64_t> PromptSizes() const;  // ascending, each once
};

// Puts points in order. Throws kInvalidArgument, starting with the profile's source, when there are
// none, when two are of one (p, o), or when a number is outside its range: every reader ends with
// it.
void SortAndCheck(CostProfile& profile);

// Of a prompt size and an output size: "p = 64, o = 8".
std::string PointName(std::int64_t prompt_tokens, std::int64_t output_tokens);

// Seconds of the fastest run at each point, which is what the published method takes of times of a
// remote service; points without samples stay as they are.
CostProfile WithFastestRuns(CostProfile profile);

}  // namespace lts
