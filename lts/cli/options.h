// Options that several commands share: how candidates are run, and on which workload. Parsed as
// text and checked here, so that messages are ours: option, value, what was expected, nearest name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lts/cli/app.h"
#include "lts/measure/latency.h"
#include "lts/record/measurement.h"

namespace lts::cli {

struct RunOptions {
  std::string runtime = "cpu";
  std::string dtype = "f32";
  std::string kv_dtype = "auto";
  std::string threads = "auto";
  std::string ort_library;
  std::string ort_provider;
  std::int64_t prompt = 192;
  std::int64_t output_tokens = 32;
  std::int64_t batch = 1;

  RuntimeConfig Config() const;  // throws kInvalidArgument, kNotFound
  Workload AsWorkload() const;   // throws kInvalidArgument
};
// --runtime, and the next.
void AddRuntimeOptions(CLI::App& command, RunOptions& options);
// --dtype --kv-dtype --threads --ort-library --ort-provider
void AddEngineOptions(CLI::App& command, RunOptions& options);
void AddKvDTypeOption(CLI::App& command, std::string& kv_dtype);
// Unset for "auto". Throws kNotFound with the nearest name.
std::optional<DType> ParseKvDType(const std::string& text);
std::vector<std::string> KvDTypeNames();  // and auto
void AddOrtLibraryOption(CLI::App& command, std::string& library);
void AddWorkloadOptions(CLI::App& command,
                        RunOptions& options);  // --prompt --output-tokens --batch

// "auto": one per usable core. Throws kInvalidArgument.
int ParseThreads(const std::string& threads);

// --repeat
void AddRepeatOption(CLI::App& command, std::int64_t& rounds);
// For `rounds` timed rounds, up to three times as many where noise asks for them; ended by Ctrl-C
// once InstallSignalHandlers() was called. Throws kInvalidArgument.
LatencyOptions RepeatedLatency(std::int64_t rounds);

// "60s", "5min", "1h", "1.5h" are seconds; "200" is a number of evaluations. Throws
// kInvalidArgument.
struct Budget {
  double seconds = 0;            // 0: none
  std::int64_t evaluations = 0;  // 0: none
};
Budget ParseBudget(const std::string& text);

// "a", "a, b" and "a, b, c" for help texts.
std::string Joined(const std::vector<std::string>& names);

}  // namespace lts::cli
