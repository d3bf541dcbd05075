#include "lts/cli/options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>

#include "fmt/format.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/base/thread_pool.h"
#include "lts/runtime/registry/registry.h"

namespace lts::cli {
namespace {

constexpr std::string_view kAuto = "auto";

std::vector<std::string> RuntimeNames() {
  std::vector<std::string> names;
  for (const RuntimeEntry* entry : Runtimes()) names.emplace_back(entry->name);
  return names;
}

std::int64_t InRange(std::string_view option, std::int64_t value, std::int64_t low,
                     std::int64_t high) {
  if (value < low || value > high) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: got {}, expected an integer in [{}, {}]", option, value, low, high));
  }
  return value;
}

}  // namespace

std::string Joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<std::string> KvDTypeNames() {
  std::vector<std::string> names = kDTypes.Names();
  names.insert(names.begin(), std::string(kAuto));
  return names;
}

std::optional<DType> ParseKvDType(const std::string& text) {
  if (text == kAuto) return std::nullopt;
  if (const std::optional<DType> found = kDTypes.Find(text)) return found;
  throw Error(ErrorCode::kNotFound, UnknownName("dtype of the KV cache", text, KvDTypeNames()));
}

int ParseThreads(const std::string& threads) {
  if (threads == kAuto) return UsableCores();
  int value = 0;
  const auto [end, error] = std::from_chars(threads.data(), threads.data() + threads.size(), value);
  if (error != std::errc() || end != threads.data() + threads.size() || value < 1 || value > 1024) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--threads: got '{}', expected auto or an integer in [1, 1024]",
                            Quoted(threads)));
  }
  return value;
}

RuntimeConfig RunOptions::Config() const {
  RuntimeConfig config;
  config.runtime = FindRuntime(runtime).name;
  config.dtype = kDTypes.Parse(dtype);
  config.kv_dtype = ParseKvDType(kv_dtype);
  if (config.kv_dtype)
    CheckKvDType(FindRuntime(runtime), {.dtype = config.dtype, .kv_dtype = config.kv_dtype});
  if (!ort_library.empty() && FindRuntime(runtime).library.empty()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("--ort-library: the runtime '{}' opens no library; is --runtime missing?",
                    runtime));
  }
  config.library = ort_library;
  if (!ort_provider.empty() && FindRuntime(runtime).providers == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--ort-provider: the runtime '{}' has no providers; is --runtime "
                            "missing?",
                            runtime));
  }
  config.provider = ort_provider;
  config.threads = ParseThreads(threads);
  return config;
}

Workload RunOptions::AsWorkload() const {
  constexpr std::int64_t kMaxTokens = 1 << 24;
  Workload workload;
  workload.prompt_tokens = InRange("--prompt", prompt, 1, kMaxTokens);
  workload.output_tokens = InRange("--output-tokens", output_tokens, 1, kMaxTokens);
  workload.batch = InRange("--batch", batch, 1, 4096);
  return workload;
}

void AddRuntimeOptions(CLI::App& command, RunOptions& options) {
  command
      .add_option("--runtime", options.runtime,
                  "Engine that runs the models: " + Joined(RuntimeNames()))
      ->capture_default_str();
  AddEngineOptions(command, options);
}

void AddEngineOptions(CLI::App& command, RunOptions& options) {
  command
      .add_option("--dtype", options.dtype,
                  "Type of the weights: " + Joined(kDTypes.Names()) +
                      "; see `lts runtimes` for what each engine has")
      ->capture_default_str();
  AddKvDTypeOption(command, options.kv_dtype);
  command
      .add_option("--threads", options.threads, "Threads of the engine; auto: one per usable core")
      ->capture_default_str();
  AddOrtLibraryOption(command, options.ort_library);
  command
      .add_option("--ort-provider", options.ort_provider,
                  "ONNX Runtime's execution provider: CPU (the default), CUDA ...; `lts runtimes` "
                  "lists those of the library")
      ->type_name("NAME");
}

void AddKvDTypeOption(CLI::App& command, std::string& kv_dtype) {
  command
      .add_option("--kv-dtype", kv_dtype,
                  "Type of the KV cache: " + Joined(KvDTypeNames()) +
                      "; auto: f32 beside f32 weights, bf16 beside others")
      ->capture_default_str();
}

void AddOrtLibraryOption(CLI::App& command, std::string& library) {
  command
      .add_option("--ort-library", library,
                  "ONNX Runtime's library (libonnxruntime.so, 1.19 or newer); else "
                  "$LTS_ORT_LIBRARY, the system's, Python's, or that of `make onnxruntime`")
      ->type_name("FILE");
}

void AddWorkloadOptions(CLI::App& command, RunOptions& options) {
  command.add_option("--prompt", options.prompt, "Prompt tokens that are prefilled at once")
      ->capture_default_str();
  command
      .add_option("--output-tokens", options.output_tokens,
                  "Tokens generated; the first comes from the prefill")
      ->capture_default_str();
  command.add_option("--batch", options.batch, "Sequences at once")->capture_default_str();
}

void AddRepeatOption(CLI::App& command, std::int64_t& rounds) {
  command
      .add_option("--repeat", rounds,
                  "Rounds; up to three times as many where the interval stays wider than 5 %")
      ->capture_default_str();
}

LatencyOptions RepeatedLatency(std::int64_t rounds) {
  LatencyOptions latency;
  latency.min_rounds = static_cast<int>(InRange("--repeat", rounds, 1, 100000));
  latency.max_rounds = latency.min_rounds * 3;
  latency.stop = [] { return g_interrupted != 0; };
  return latency;
}

Budget ParseBudget(const std::string& text) {
  struct Unit {
    std::string_view suffix;
    double seconds;
  };
  constexpr Unit kUnits[] = {{"s", 1}, {"sec", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};
  double number = 0;
  const char* const begin = text.data();
  const auto [end, error] = std::from_chars(begin, begin + text.size(), number);
  const std::string_view suffix(end, static_cast<std::size_t>(begin + text.size() - end));
  Budget budget;
  if (error == std::errc() && std::isfinite(number) && number > 0 && number <= 1e9) {
    for (const Unit& unit : kUnits) {
      if (suffix == unit.suffix) {
        budget.seconds = number * unit.seconds;
        return budget;
      }
    }
    if (suffix.empty() && number == std::floor(number)) {
      budget.evaluations = static_cast<std::int64_t>(number);
      return budget;
    }
  }
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("--budget: got '{}', expected a time such as 60s, 5min or 1h, or a number "
                  "of evaluations such as 200",
                  Quoted(text)));
}

}  // namespace lts::cli
